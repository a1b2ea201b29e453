package translate

// knowsEnvironment tells whether every one of the variables is set by
// something that is carried over.
func (s *Site) knowsEnvironment(names ...string) bool {
	return false
}
