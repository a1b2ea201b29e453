// Package crashtest takes the real binary's stores apart while clients write:
// it kills the server and PostgreSQL with SIGKILL, has syncs to the disk fail,
// and falsifies the books. What was acknowledged is written down outside the
// process under test. SOAK=1 asks for the long form.
package crashtest
