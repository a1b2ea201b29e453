// Package cutover moves the sites of a server from Apache to Fairway and back
// while they are in use. It is a list of steps: each is recorded before it
// begins, can be undone, and can be taken twice, so that whatever ends the
// program half-way, one of the two servers answers, and a second call goes on or
// goes back.
package cutover
