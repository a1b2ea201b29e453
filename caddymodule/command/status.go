package command

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/httpapi"
)

// Exit codes of `caddy fairway status`, beside 0 when all services answer and 1
// when the server could not be asked.
const (
	exitFailing     = 3
	exitUnknown     = 4
	exitCertificate = 5
	exitSlow        = 6
	exitAlerts      = 7
)

func statusCommand() *cobra.Command {
	var (
		server endpoint
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows how the services are",
		Long: `Shows how the services of the running server are, as the Homepage judges them.

Exit codes: 0 all services answer, those in maintenance left out; 1 the server
could not be asked; 3 a service is failing; 4 none is failing, but of some
nothing is known; 5 all answer, but a certificate needs attention: renewal fails
or is overdue; 6 all answer, but one is slow; 7 all answer in time, but alerts
are not delivered.`,
		Example: `  caddy fairway status
  caddy fairway status --json | jq -r '.services[] | select(.state == "failing") | .id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var report httpapi.Report
			if err := server.call(http.MethodGet, "/fairway/status", nil, &report); err != nil {
				return err
			}
			var certificates httpapi.Certificates
			if err := server.call(http.MethodGet, "/fairway/certificates", nil, &certificates); err != nil {
				return err
			}
			var alerts httpapi.Alerts
			if err := server.call(http.MethodGet, "/fairway/alerts", nil, &alerts); err != nil {
				return err
			}
			alarms, silent := alarmsOf(certificates), undeliveredOf(alerts)
			print := func(out io.Writer, report httpapi.Report) error {
				return printStatus(out, report, slices.Concat(alarms, silent))
			}
			if asJSON {
				print = func(io.Writer, httpapi.Report) error { return printJSON(cmd, report) }
			}
			if err := print(cmd.OutOrStdout(), report); err != nil {
				return err
			}
			switch state := homepage.State(report.State); {
			case state == homepage.Failing:
				return exitError{exitFailing, errors.New(report.Verdict)}
			case state == homepage.Unknown:
				return exitError{exitUnknown, errors.New(report.Verdict)}
			case len(alarms) > 0:
				return exitError{exitCertificate, errors.New(alarms[0])}
			case state == homepage.Slow:
				return exitError{exitSlow, errors.New(report.Verdict)}
			case len(silent) > 0:
				return exitError{exitAlerts, errors.New(silent[0])}
			}
			return nil
		},
	}
	server.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

// alarmsOf says of each certificate that needs attention why, worst first.
func alarmsOf(report httpapi.Certificates) []string {
	var alarms []string
	for _, c := range report.Certificates {
		if !c.NeedsAttention {
			continue
		}
		alarm := c.Sentence
		for _, attempt := range c.Attempts {
			if attempt.Error != "" {
				alarm += " " + attempt.Error
				break
			}
		}
		alarms = append(alarms, alarm)
	}
	return alarms
}

// undeliveredOf says of each channel through which alerts do not arrive why.
func undeliveredOf(report httpapi.Alerts) []string {
	var silent []string
	for _, u := range report.Undelivered {
		trouble := deliver.Trouble{Channel: u.Channel, Since: u.Since}
		silent = append(silent, trouble.Sentence(report.Checked)+": "+u.Error)
	}
	return silent
}

// printStatus writes the verdict, what is wrong beside the services, and a line
// for each service, worst first.
func printStatus(out io.Writer, report httpapi.Report, alarms []string) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := append(append([]string{report.Verdict}, alarms...), "")
	for _, service := range report.Services {
		address := "-"
		if len(service.URLs) > 0 {
			address = service.URLs[0]
		}
		lines = append(lines, strings.Join([]string{
			strings.ToUpper(service.State), service.ID, address, evidence(service, report.Checked), traffic(service),
		}, "\t"))
	}
	if _, err := io.WriteString(table, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	return table.Flush()
}

// evidence is what the state rests on: "probed 3 s ago: 200 in 1.2 ms".
func evidence(service httpapi.Service, now time.Time) string {
	e := service.Evidence
	if e == nil {
		return "nothing seen"
	}
	text := fmt.Sprintf("%s %s ago: ", e.Source, now.Sub(e.At).Round(time.Second))
	switch {
	case service.Reason != "":
		return text + service.Reason
	case e.Status == 0:
		return text + "no answer"
	default:
		return text + fmt.Sprintf("%d in %.1f ms", e.Status, e.LatencyMS)
	}
}

// traffic is what the last minute's requests came to.
func traffic(service httpapi.Service) string {
	if service.Requests == nil {
		return "not measured"
	}
	recent := service.Requests.Recent
	return fmt.Sprintf("%d requests in a minute, %d failed", recent.Requests, recent.Failures)
}
