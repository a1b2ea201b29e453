// Package cutovertest moves a real Apache's sites to the real binary and back,
// under load. SOAK=1 asks for the long form.
package cutovertest
