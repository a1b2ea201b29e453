package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

// ordering is what of a configuration says how certificates are ordered, and
// where they are kept.
type ordering struct {
	Storage struct {
		Module string `json:"module"`
		Root   string `json:"root"`
	} `json:"storage"`
	Apps struct {
		TLS struct {
			Automation struct {
				Policies []struct {
					Issuers []struct {
						Module string `json:"module"`
						CA     string `json:"ca"`
						Email  string `json:"email"`
					} `json:"issuers"`
				} `json:"policies"`
			} `json:"automation"`
		} `json:"tls"`
	} `json:"apps"`
}

// useConfig takes over what the configuration says, where no flag says it.
func (c *certificateImport) useConfig() error {
	if c.config == "" {
		return nil
	}
	text, _, _, err := caddycmd.LoadConfig(c.config, c.adapter)
	if err != nil {
		return err
	}
	var config ordering
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("reading the configuration %s: %w", c.config, err)
	}
	if c.storage == "" && config.Storage.Module == "file_system" {
		c.storage = config.Storage.Root
	}
	if config.Storage.Module != "" && config.Storage.Module != "file_system" {
		return fmt.Errorf("the configuration %s keeps certificates in %s, and this imports into folders alone", c.config, config.Storage.Module)
	}
	var emails []string
	for _, policy := range config.Apps.TLS.Automation.Policies {
		for _, issuer := range policy.Issuers {
			if issuer.Module != "acme" {
				continue
			}
			emails = append(emails, strings.ToLower(issuer.Email))
			if issuer.CA == "" {
				issuer.CA = letsencrypt.LetsEncrypt
			}
			c.authorities = append(c.authorities, issuer.CA)
		}
	}
	slices.Sort(emails)
	emails = slices.Compact(emails)
	if len(c.authorities) == 0 {
		c.authorities = []string{letsencrypt.LetsEncrypt}
	}
	if c.email == "" && len(emails) > 1 {
		return errors.New("the configuration gives different e-mail addresses to different sites; --email says which one certbot's account is for")
	}
	if c.email == "" && len(emails) == 1 {
		c.email = emails[0]
	}
	return nil
}

// checkAuthorities adds a finding for each authority that the configuration
// does not order from: what comes from there is not found.
func (c *certificateImport) checkAuthorities(plan *letsencrypt.Plan) {
	if c.config == "" {
		return
	}
	for _, item := range plan.Items {
		if item.Kind == "certificate" && !slices.Contains(c.authorities, item.Server) {
			plan.Findings = append(plan.Findings, letsencrypt.Finding{
				Severity: letsencrypt.Warning, Lineage: item.Lineage, File: c.config,
				Text: "this configuration orders from " + strings.Join(slices.Compact(slices.Sorted(slices.Values(c.authorities))), ", ") +
					", but the certificate comes from " + item.Server + ": Caddy would not find it, and order a new one",
				Do: "acme_ca " + item.Server + " as a global option, or tls { ca … } in its sites",
			})
		}
	}
}
