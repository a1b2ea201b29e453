package translate

// override is what AllowOverride lets a .htaccess file say.
type override struct {
	all     bool
	classes map[string]bool // lower case: authconfig, fileinfo, indexes, limit, options
	list    map[string]bool // directives of AllowOverrideList, lower case
}

// htaccess finds the .htaccess files below the folders that the site serves.
func (s *Site) htaccess(directories []*Section) []*Section {
	return nil
}
