package command

import (
	"os/user"
	"strconv"
	"syscall"
)

// trialAttributes have the server end with this program and run as a user, with
// the user's groups; 0 is the user of this program.
func trialAttributes(uid, gid int) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if uid == 0 {
		return attributes, nil
	}
	account, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return nil, err
	}
	ids, err := account.GroupIds()
	if err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)} //nolint:gosec // of the user database
	for _, id := range ids {
		group, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		attributes.Credential.Groups = append(attributes.Credential.Groups, uint32(group))
	}
	return attributes, nil
}
