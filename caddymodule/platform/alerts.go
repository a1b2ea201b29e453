package platform

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
)

// Alerts says who is told when a service or a certificate is not as it should
// be. Placeholders are replaced everywhere, so that secrets can stay in the
// environment: "{env.NTFY_TOKEN}".
type Alerts struct {
	// How long a change must last before it is told. Default: 30s.
	After *caddy.Duration `json:"after,omitempty"`

	// How often a trouble that lasts is told again; 0: never. Default: 4h.
	Reminder *caddy.Duration `json:"reminder,omitempty"`

	// Where messages are posted as JSON. Default: none.
	Webhooks []AlertWebhook `json:"webhooks,omitempty"`

	// Topics of ntfy that messages are published to. Default: none.
	Ntfy []AlertTopic `json:"ntfy,omitempty"`

	// Mailboxes that messages are sent to. Default: none.
	Email []AlertEmail `json:"email,omitempty"`

	// Who notices when this server is gone. Default: nobody.
	DeadMan *AlertDeadMan `json:"dead_man,omitempty"`

	policy   alert.Policy
	channels []deliver.Channel
	deadMan  *deliver.DeadMan
}

// AlertWebhook is where messages are posted.
type AlertWebhook struct {
	// An address with https or http.
	URL string `json:"url"`

	// What messages are signed with, as Standard Webhooks says. Default: they
	// are not signed.
	Secret string `json:"secret,omitempty"`
}

// AlertTopic is a topic of ntfy.
type AlertTopic struct {
	// The address of the topic, such as "https://ntfy.sh/TOPIC".
	URL string `json:"url"`

	// An access token. Default: none.
	Token string `json:"token,omitempty"`
}

// AlertEmail is a mail server and whom it writes to.
type AlertEmail struct {
	// The addresses of those who are told.
	To []string `json:"to"`

	// The address of the sender.
	From string `json:"from"`

	// The mail server, "HOST" or "HOST:PORT". Default of the port: 587.
	Server string `json:"server"`

	// The login, if the server wants one.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// "starttls", "implicit" or "off", which takes no password.
	// Default: "implicit" for port 465, else "starttls".
	TLS string `json:"tls,omitempty"`
}

// AlertDeadMan is what is asked again and again, and tells somebody when it is not.
type AlertDeadMan struct {
	// The address that is asked with GET.
	URL string `json:"url"`

	// How often. Default: 1m.
	Every caddy.Duration `json:"every,omitempty"`
}

// alertBeat is how often it is looked whether something is to be told.
const alertBeat = 2 * time.Second

const defaultPing = time.Minute

// provision reads the settings. Its errors name settings, not values, which may
// be secrets.
func (a *Alerts) provision() error {
	a.policy = alert.Policy{After: alert.DefaultAfter, Reminder: alert.DefaultReminder}
	for setting, given := range map[*time.Duration]*caddy.Duration{&a.policy.After: a.After, &a.policy.Reminder: a.Reminder} {
		if given == nil {
			continue
		}
		if *given < 0 {
			return errors.New("alerts: after and reminder must not be negative")
		}
		*setting = time.Duration(*given)
	}
	a.channels = nil
	for _, w := range a.Webhooks {
		address, err := replacedURL("webhook", w.URL)
		if err != nil {
			return err
		}
		secret, err := replacedSecret("the secret of a webhook", w.Secret)
		if err != nil {
			return err
		}
		a.channels = append(a.channels, &deliver.Webhook{URL: address, Secret: secret})
	}
	for _, n := range a.Ntfy {
		address, err := replacedURL("ntfy", n.URL)
		if err != nil {
			return err
		}
		token, err := replacedSecret("the token of ntfy", n.Token)
		if err != nil {
			return err
		}
		a.channels = append(a.channels, &deliver.Ntfy{URL: address, Token: token})
	}
	for i := range a.Email {
		email, err := a.Email[i].channel()
		if err != nil {
			return fmt.Errorf("alerts: email: %w", err)
		}
		a.channels = append(a.channels, email)
	}
	return a.provisionDeadMan()
}

func (a *Alerts) provisionDeadMan() error {
	if a.DeadMan == nil {
		return nil
	}
	address, err := replacedURL("dead_man", a.DeadMan.URL)
	if err != nil {
		return err
	}
	every := time.Duration(a.DeadMan.Every)
	if every == 0 {
		every = defaultPing
	}
	if every < alertBeat {
		return fmt.Errorf("alerts: dead_man: every %v is too often; at least %v", every, alertBeat)
	}
	a.deadMan = &deliver.DeadMan{URL: address, Every: every}
	return nil
}

// replaced is a setting with its placeholders replaced.
func replaced(text string) string { return caddy.NewReplacer().ReplaceAll(text, "") }

func replacedURL(setting, text string) (*url.URL, error) {
	address, err := deliver.ParseURL(replaced(text))
	if err != nil {
		return nil, fmt.Errorf("alerts: %s: %w; are its variables set?", setting, err)
	}
	return address, nil
}

// replacedSecret fails when a secret is given and empty: nothing must be sent
// without one that is meant to have it.
func replacedSecret(what, text string) (string, error) {
	value := replaced(text)
	if text != "" && value == "" {
		return "", fmt.Errorf("alerts: %s is empty; is its variable set?", what)
	}
	return value, nil
}

func (e *AlertEmail) channel() (_ *deliver.Email, err error) {
	channel := &deliver.Email{Security: deliver.Security(e.TLS)}
	if len(e.To) == 0 {
		return nil, errors.New("nobody to write to")
	}
	for _, text := range e.To {
		to, err := mail.ParseAddress(replaced(text))
		if err != nil {
			return nil, fmt.Errorf("the recipient %q is no address", text)
		}
		channel.To = append(channel.To, to)
	}
	if channel.From, err = mail.ParseAddress(replaced(e.From)); err != nil {
		return nil, fmt.Errorf("from: %q is no address", e.From)
	}
	if channel.Server, err = serverAndPort(replaced(e.Server)); err != nil {
		return nil, err
	}
	if channel.Username, err = replacedSecret("the user name of email", e.Username); err != nil {
		return nil, err
	}
	if channel.Password, err = replacedSecret("the password of email", e.Password); err != nil {
		return nil, err
	}
	switch _, port, _ := net.SplitHostPort(channel.Server); {
	case channel.Security == "" && port == "465":
		channel.Security = deliver.Implicit
	case channel.Security == "":
		channel.Security = deliver.StartTLS
	case !slices.Contains(securities, e.TLS):
		return nil, fmt.Errorf("tls %q is not known; there are: starttls, implicit, off", e.TLS)
	}
	switch {
	case (channel.Username == "") != (channel.Password == ""):
		return nil, errors.New("a login needs both a user name and a password")
	case channel.Username != "" && channel.Security == deliver.Plain:
		return nil, errors.New("a password is not sent with tls off")
	}
	return channel, nil
}

var securities = []string{string(deliver.StartTLS), string(deliver.Implicit), string(deliver.Plain)}

// serverAndPort completes "HOST" with the port for mail to be sent on.
func serverAndPort(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, "587"
	}
	if host == "" || port == "" {
		return "", fmt.Errorf("server %q is not a host, or a host and a port as mail.example.com:587", text)
	}
	return net.JoinHostPort(host, port), nil
}

// keepAlerting tells of what happens until the app stops.
func (a *App) keepAlerting() {
	ticker := time.NewTicker(alertBeat)
	defer ticker.Stop()
	for {
		a.desk.Beat(a.round())
		select {
		case <-a.stop:
			return
		case <-ticker.C:
		}
	}
}

// round is how everything is now, and who is to be told.
func (a *App) round() deliver.Round {
	round := deliver.Round{
		Policy: a.Alerts.policy, Channels: a.Alerts.channels, DeadMan: a.Alerts.deadMan,
		URL: a.catalogue.dashboardURL(), Server: a.Facts("").Host,
	}
	if dashboard, err := url.Parse(round.URL); err == nil && dashboard.Host != "" {
		round.Server = dashboard.Host
	}
	entries := a.Catalogue().Entries()
	report := homepage.Assess(entries, time.Now().UTC()) // the time after what was seen
	round.Conditions = alert.Conditions(report, a.Certificates())
	return round
}

// AlertTroubles are the channels through which alerts do not arrive. Only for
// use once the stores are open.
func (a *App) AlertTroubles() []deliver.Trouble {
	if a.Alerts == nil {
		return nil
	}
	return a.desk.Troubles()
}

// AlertsTold are the troubles that were told of and are not over. Only for use
// once the stores are open.
func (a *App) AlertsTold() []alert.Told {
	if a.Alerts == nil {
		return nil
	}
	return a.desk.Told()
}
