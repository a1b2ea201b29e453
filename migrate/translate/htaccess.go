package translate

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// mostFolders bounds how many folders are searched for .htaccess files, so that
// a document root of millions of files does not hold the translation up.
const mostFolders = 20000

// override is what AllowOverride lets a .htaccess file say.
type override struct {
	all     bool
	classes map[string]bool // authconfig, fileinfo, indexes, limit, options
	list    map[string]bool // directives of AllowOverrideList, lower case
}

func (o override) none() bool { return !o.all && len(o.classes) == 0 && len(o.list) == 0 }

// overrideClasses are the classes of the directives a .htaccess file may hold.
var overrideClasses = map[string][]string{
	"authconfig": {"AuthBasicAuthoritative", "AuthBasicFake", "AuthBasicProvider", "AuthGroupFile", "AuthMerging", "AuthName", "AuthType", "AuthUserFile",
		"AuthzSendForbiddenOnFailure", "Require", "RequireAll", "RequireAny", "RequireNone", "Satisfy", "SSLRequire", "SSLRequireSSL", "SSLVerifyClient"},
	"fileinfo": {"AddCharset", "AddDefaultCharset", "AddEncoding", "AddHandler", "AddLanguage", "AddOutputFilter", "AddOutputFilterByType", "AddType",
		"Action", "BrowserMatch", "BrowserMatchNoCase", "CharsetDefault", "CookieDomain", "DefaultLanguage", "DefaultType", "EnableMMAP", "EnableSendfile",
		"ErrorDocument", "FileETag", "ForceType", "Header", "LanguagePriority", "Redirect", "RedirectMatch", "RedirectPermanent", "RedirectTemp", "RemoveHandler",
		"RemoveType", "RequestHeader", "RewriteBase", "RewriteCond", "RewriteEngine", "RewriteOptions", "RewriteRule", "ServerSignature", "SetEnv", "SetEnvIf",
		"SetEnvIfExpr", "SetEnvIfNoCase", "SetHandler", "SetInputFilter", "SetOutputFilter", "UnsetEnv", "PassEnv", "AcceptPathInfo", "AliasMatch",
		"DefaultRuntimeDir", "SubstituteMaxLineLength", "Substitute", "CGIPassAuth", "QualifyRedirectURL"},
	"indexes": {"AddAlt", "AddAltByEncoding", "AddAltByType", "AddDescription", "AddIcon", "AddIconByEncoding", "AddIconByType", "DefaultIcon", "DirectoryIndex",
		"DirectorySlash", "DirectoryIndexRedirect", "DirectoryCheckHandler", "ExpiresActive", "ExpiresByType", "ExpiresDefault", "FallbackResource", "HeaderName",
		"ImapBase", "IndexIgnore", "IndexIgnoreReset", "IndexOptions", "IndexOrderDefault", "IndexStyleSheet", "ReadmeName", "MetaDir"},
	"limit":   {"Allow", "Deny", "Order"},
	"options": {"Options", "CheckSpelling", "ContentDigest", "XBitHack", "SSLOptions", "SSLCipherSuite", "ForceLanguagePriority"},
}

// htaccess finds the .htaccess files of the folders that the site serves and
// gives a section for each that Apache would read.
func (s *Site) htaccess(directories []*Section) []*Section {
	names := []string{".htaccess"}
	if d := s.Last("AccessFileName"); d != nil && len(d.Args) > 0 {
		names = d.Args
	}
	var sections []*Section
	seen := map[string]bool{}
	for _, root := range s.folders() {
		if !mayOverride(directories, root) {
			continue
		}
		for _, file := range s.t.accessFiles(root, names) {
			if !seen[file] {
				seen[file] = true
				sections = append(sections, s.htaccessSections(directories, file)...)
			}
		}
	}
	return sections
}

// folders are those that the site maps URLs to.
func (s *Site) folders() []string {
	var folders []string
	for _, d := range s.All("DocumentRoot", "Alias") {
		if len(d.Args) > 0 {
			folders = append(folders, s.t.serverPath(d.Args[len(d.Args)-1]))
		}
	}
	return folders
}

// mayOverride tells whether a .htaccess file in root, above or below it may
// say anything.
func mayOverride(directories []*Section, root string) bool {
	return slices.ContainsFunc(directories, func(section *Section) bool {
		c := section.Conditions[0]
		reaches := c.Glob || within(root, c.Pattern) || within(c.Pattern, root)
		return reaches && !overrideOf([]*Section{section}, "").none()
	})
}

// overrideOf merges AllowOverride and AllowOverrideList of the sections that
// hold for folder; with folder "" of all.
func overrideOf(directories []*Section, folder string) override {
	var result override
	for _, section := range directories {
		c := section.Conditions[0]
		if folder != "" && !folderHolds(c, folder) {
			continue
		}
		for _, d := range section.All("AllowOverride", "AllowOverrideList") {
			if d.Is("AllowOverrideList") {
				result.list = map[string]bool{}
				for _, name := range d.Args {
					if !strings.EqualFold(name, "None") {
						result.list[strings.ToLower(name)] = true
					}
				}
				continue
			}
			result.all, result.classes = false, map[string]bool{}
			for _, class := range d.Args {
				class, _, _ = strings.Cut(strings.ToLower(class), "=")
				switch class {
				case "all":
					result.all = true
				case "none", "nonfatal":
				default:
					result.classes[class] = true
				}
			}
		}
	}
	return result
}

// folderHolds tells whether a <Directory> holds for a folder.
func folderHolds(c Condition, folder string) bool {
	switch {
	case c.Pattern == "/":
		return true
	case c.Glob:
		for at := folder; at != "/" && at != "."; at = path.Dir(at) {
			if matched, err := path.Match(c.Pattern, at); err == nil && matched {
				return true
			}
		}
		return false
	default:
		return within(folder, c.Pattern)
	}
}

// accessFiles finds files of one of names in the folders above root and in
// root and below. Symbolic links to folders are not followed.
func (t *translation) accessFiles(root string, names []string) []string {
	key := root + "\x00" + strings.Join(names, "\x00")
	if files, ok := t.found[key]; ok {
		return files
	}
	var files []string
	for above := path.Dir(root); ; above = path.Dir(above) {
		files = append(files, t.accessFilesIn(above, names)...)
		if above == "/" || above == "." {
			break
		}
	}
	folders := 0
	_ = fs.WalkDir(t.options.FS, strings.TrimPrefix(root, "/"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || t.ctx.Err() != nil {
			return fs.SkipDir
		}
		if entry.IsDir() {
			if folders++; folders > mostFolders {
				return fs.SkipAll
			}
			return nil
		}
		if slices.Contains(names, entry.Name()) {
			files = append(files, "/"+name)
		}
		return nil
	})
	t.found[key] = files
	return files
}

func (t *translation) accessFilesIn(folder string, names []string) []string {
	var files []string
	for _, name := range names {
		file := path.Join(folder, name)
		if info, err := fs.Stat(t.options.FS, strings.TrimPrefix(file, "/")); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files
}

// htaccessSections are the section of a .htaccess file, with what it may say,
// and those nested in it.
func (s *Site) htaccessSections(directories []*Section, file string) []*Section {
	folder := path.Dir(file)
	allowed := overrideOf(directories, folder)
	if allowed.none() {
		return nil
	}
	tree := s.t.readHtaccess(file)
	section := &Section{
		Kind:       KindDirectory,
		Conditions: []Condition{{Kind: KindDirectory, Pattern: folder}},
		Folder:     folder,
		override:   allowed,
		depth:      strings.Count(strings.TrimSuffix(folder, "/"), "/"),
	}
	for _, d := range tree {
		if s.mayStand(d, allowed) {
			section.Directives = append(section.Directives, d)
		}
	}
	return []*Section{section}
}

// readHtaccess reads a file once for all sites.
func (t *translation) readHtaccess(file string) []*apacheconf.Directive {
	if directives, ok := t.htaccessFiles[file]; ok {
		return directives
	}
	tree, err := t.tree.Htaccess(t.ctx, file)
	var directives []*apacheconf.Directive
	if tree != nil {
		directives = tree.Directives
	}
	if err != nil {
		broken := &apacheconf.Directive{Position: apacheconf.Position{File: file, Line: 1}, Name: "RequireAll", Section: true}
		var problem apacheconf.Problem
		if errors.As(err, &problem) && problem.File != "" {
			broken.Position = problem.Position
		}
		t.refuse(broken, "the file can't be read: "+err.Error()+"; its folder stays closed", "correct it")
		directives = append(directives, broken, &apacheconf.Directive{Position: broken.Position, Name: "Require", Args: []string{"all", "denied"}, Raw: "all denied"})
	}
	t.htaccessFiles[file] = directives
	t.htaccessOrder = append(t.htaccessOrder, directives...)
	return directives
}

// mayStand tells whether AllowOverride lets a directive stand in a .htaccess
// file. One that may not makes Apache answer 500 for its folder.
func (s *Site) mayStand(d *apacheconf.Directive, allowed override) bool {
	if _, isSection := conditionOf(d); isSection || d.Is("Else", "ElseIf", "Limit", "LimitExcept") {
		return true
	}
	if allowed.all || allowed.list[strings.ToLower(d.Name)] {
		return true
	}
	for class, names := range overrideClasses {
		if allowed.classes[class] && d.Is(names...) {
			return true
		}
	}
	known := slices.ContainsFunc([]string{"authconfig", "fileinfo", "indexes", "limit", "options"}, func(class string) bool { return d.Is(overrideClasses[class]...) })
	if !known {
		return true // unknown here; it is refused on its own
	}
	s.Refuse(d, "AllowOverride does not let it stand in this file: Apache answers 500 for the whole folder", "delete the line")
	return false
}
