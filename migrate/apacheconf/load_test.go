package apacheconf

import (
	"context"
	"strings"
	"testing"
)

// trees are configurations on which Apache's own opinion is asked. Each begins
// with what loads the modules; the main file is "apache2.conf".
var trees = map[string]map[string]string{
	"words and lines": {"apache2.conf": `
  PassEnv   A   "a b"	'c d'
# a comment \
SetEnv IN_THE_COMMENT 1
PassEnv B "one \
  two" # no comment here
PASSENV C \\
passenv D "it's" 'say "hi"' "a \"quoted\" word" "back\\slash" "\n"
PassEnv E "missing closing quote
SetEnv F 'other kind
PassEnv G "glued"to"gether"
  # indented comment
SetEnv H \
\
  deep

<Directory "/with space" >
  SetEnv I 1
</Directory>
<Location />
<LimitExcept GET>
</LimitExcept>
</Location>
SetEnv LAST \`},
	"carriage returns": {"apache2.conf": "SetEnv A 1\r\nSetEnv B \\\r\n 2\r\n<Files x>\r\n</Files>\r\n"},
	"bytes":            {"apache2.conf": "SetEnv A \xff\xfe\x01\nPassEnv B a\vb\f c\nSetEnv C 1\x00SetEnv D 2\nPassEnv E \xc2\xa0x\n"},
	"names": {"apache2.conf": `
<DIRECTORY /x>
  <ifmodule MOD_ENV.C>
    SetEnv NO 1
  </IfModule>
  <IFMODULE mod_env.c>
    SetEnv YES 1
  </ifmodule>
</directory>
`},
	"conditions": {"apache2.conf": `
<IfModule mod_env.c>
SetEnv A 1
</IfModule>
<IfModule env_module>
SetEnv B 1
</IfModule>
<IfModule !mod_env.c>
SetEnv C 1
</IfModule>
<IfModule ! mod_nothing.c>
SetEnv D 1
<IfModule "mod_macro.c">
SetEnv E 1
</IfModule>
</IfModule>
<IfModule core.c>
<IfModule http_core.c>
<IfModule mod_so.c>
<IfModule event.c>
<IfModule mpm_event_module>
<IfModule !mod_mpm_event.c>
<IfModule !mod_core.c>
<IfModule mod_unixd.c>
<IfModule mod_log_config.c>
<IfModule logio_module>
SetEnv F 1
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
</IfModule>
<IfDefine FLAG>
SetEnv G 1
</IfDefine>
<IfDefine !FLAG>
SetEnv H 1
</IfDefine>
Define FLAG
<IfDefine FLAG>
SetEnv I ${FLAG}
</IfDefine>
<IfDefine flag>
SetEnv J 1
</IfDefine>
<IfFile apache2.conf>
SetEnv K 1
</IfFile>
<IfFile /nothing/there>
SetEnv L 1
</IfFile>
<IfFile !logs/none>
SetEnv M 1
</IfFile>
<IfDirective ServerAlias>
SetEnv N 1
</IfDirective>
<IfDirective RewriteRule>
SetEnv O 1
</IfDirective>
<IfSection IfModule>
SetEnv P 1
</IfSection>
<IfSection Proxy>
SetEnv Q 1
</IfSection>
<IfSection !Directory>
SetEnv R 1
</IfSection>
<IfModule mod_nothing.c>
  <Directory /x>
    Anything "goes" </Directory>
  </Directory>
  <RequireAll>
  </RequireAll>
  ${UNDEFINED} # not expanded
</IfModule>
`},
	"versions": {"apache2.conf": `
<IfVersion >= 2.4>
SetEnv A 1
</IfVersion>
<IfVersion < 2.4>
SetEnv B 1
</IfVersion>
<IfVersion 2.4.71>
SetEnv C 1
</IfVersion>
<IfVersion = 2.4>
SetEnv D 1
</IfVersion>
<IfVersion == 2.4.71>
SetEnv E 1
</IfVersion>
<IfVersion != 2.4.71>
SetEnv F 1
</IfVersion>
<IfVersion ~ ^2\.4\.\d+$>
SetEnv G 1
</IfVersion>
<IfVersion = /^2\.[0-3]/>
SetEnv H 1
</IfVersion>
<IfVersion !~ ^2\.4>
SetEnv I 1
</IfVersion>
<IfVersion > 2.4.70 >
SetEnv J 1
</IfVersion>
<IfVersion <= 2.4.71>
SetEnv K 1
</IfVersion>
<IfVersion !>= 2.4>
SetEnv L 1
</IfVersion>
<IfVersion 2.4.>
SetEnv M 1
</IfVersion>
`},
	"variables": {"apache2.conf": `
Define A "two words"
Define b one
PassEnv X ${A}
SetEnv Y "${A}"
PassEnv Z $${B}${b}$ {b} ${ b} ${UNDEFINED} ${A
PassEnv W ${FROM_OUTSIDE}
Define FROM_OUTSIDE inner
PassEnv V ${FROM_OUTSIDE} ${a${b}}
UnDefine a
PassEnv U ${A}
Define EMPTY ""
SetEnv T "${EMPTY}"
${EMPTY_OUTSIDE}
SetEnv T "${EMPTY_OUTSIDE}"
Define NAME SetEnv
${NAME} S 1
Define Q "'quoted words'"
SetEnv R ${Q}
<IfDefine A>
SetEnv STILL 1
</IfDefine>
`},
	"includes": {
		"apache2.conf": `
Include one.conf
Include folder
IncludeOptional nothing/*.conf
IncludeOptional nothing.conf
IncludeOptional folder/*.none
Include sites-enabled/*.conf
Include part?/[ab]*/x.conf
<VirtualHost *:80>
Include one.conf
Include "./folder/../one.conf"
</VirtualHost>
include folder/
Include *d*/b.conf
Include [!a-eg-z]older/b.conf
Include /dev/null
IncludeOptional link*/b.conf
Include link/b.conf
`,
		"one.conf":                 "SetEnv ONE 1",
		"folder/b.conf":            "SetEnv B 1\n",
		"folder/a.conf":            "SetEnv A 1\n",
		"folder/.hidden":           "SetEnv HIDDEN 1\n",
		"folder/sub/z.conf":        "SetEnv Z 1\nInclude one.conf\n",
		"folder/a.conf~":           "SetEnv BACKUP 1\n",
		"folder/B.conf":            "SetEnv CAPITAL 1\n",
		"sites-available/s.conf":   "SetEnv S 1\n",
		"sites-enabled/001-s.conf": "->../sites-available/s.conf",
		"sites-enabled/.x.conf":    "SetEnv DOT 1\n",
		"part1/a1/x.conf":          "SetEnv P1 1\n",
		"part2/b/x.conf":           "SetEnv P2 1\n",
		"part2/c/x.conf":           "SetEnv P3 1\n",
		"part3/ab":                 "a file",
		"link":                     "->folder",
	},
	"no such file":      {"apache2.conf": "Include nothing.conf\n"},
	"no such folder":    {"apache2.conf": "Include nothing/*.conf\n"},
	"no match":          {"apache2.conf": "Include logs/*.conf\n"},
	"two arguments":     {"apache2.conf": "Include a.conf b.conf\n", "a.conf": "", "b.conf": ""},
	"dangling link":     {"apache2.conf": "IncludeOptional d/*.conf\n", "d/x.conf": "->nowhere"},
	"loop":              {"apache2.conf": "Include a.conf\n", "a.conf": "Include b.conf\n", "b.conf": "Include a.conf\n"},
	"guarded loop":      {"apache2.conf": "Include a.conf\n", "a.conf": "<IfDefine !DONE>\nDefine DONE\nInclude a.conf\nSetEnv A 1\n</IfDefine>\n"},
	"new root":          {"apache2.conf": "Include sub/root.conf\nInclude x.conf\n", "sub/root.conf": "ServerRoot \"{root}/sub\"\n", "sub/x.conf": "SetEnv X 1\n", "sub/logs/": ""},
	"open section":      {"apache2.conf": "<Directory /x>\nSetEnv A 1\n"},
	"wrong closing":     {"apache2.conf": "<Directory /x>\n<Files y>\n</Directory>\n</Files>\n"},
	"stray closing":     {"apache2.conf": "</Directory>\n"},
	"unfinished close":  {"apache2.conf": "<Directory /x>\n</Directory\n"},
	"open condition":    {"apache2.conf": "<IfModule mod_env.c>\nSetEnv A 1\n"},
	"open in condition": {"apache2.conf": "<IfModule mod_env.c>\n<Directory /x>\nSetEnv A 1\n"},
	"open skipped":      {"apache2.conf": "<IfModule mod_none.c>\nSetEnv A 1\n"},
	"crossed":           {"apache2.conf": "<IfModule mod_env.c>\n<Directory /x>\n</IfModule>\n</Directory>\n"},
	"crossed skipped":   {"apache2.conf": "<IfModule mod_none.c>\n<Directory /x>\n</IfModule>\n</Directory>\n"},
	"closing with more": {"apache2.conf": "<IfModule mod_env.c>\n</IfModule> # end\n"},
	"no bracket":        {"apache2.conf": "<IfModule mod_env.c\n</IfModule>\n"},
	"no argument":       {"apache2.conf": "<IfModule>\n</IfModule>\n"},
	"bad version":       {"apache2.conf": "<IfVersion >= 2.x>\n</IfVersion>\n"},
	"bad operator":      {"apache2.conf": "<IfVersion ! 2.4>\n</IfVersion>\n"},
	"colon in name":     {"apache2.conf": "Define a:b c\n"},
	"section in parts":  {"apache2.conf": "<Directory /x>\nInclude a.conf\n", "a.conf": "</Directory>\n"},
	"error directive":   {"apache2.conf": "<IfDefine !X>\nError \"X is needed\"\n</IfDefine>\n"},
	"macros": {"apache2.conf": `
<Macro Site $name %port @text>
  # a comment of the macro
  <VirtualHost *:%port>
    ServerName $name

    SetEnv TEXT @text
    SetEnv LONG "$name \
       continued"
  </VirtualHost>
</Macro>
Use Site a.example 80 'with "quotes" and \\'
use SITE b.example 8080 plain
<Macro Open $x>
<Directory $x>
</Macro>
Use Open /opened
SetEnv IN 1
</Directory>
<Macro Outer $a $ab>
<Macro Inner $q>
SetEnv $q $a
</Macro>
SetEnv AB $ab
Use Site $a 81 x
</Macro>
Use Outer one two
Use Inner Q
<Macro Swap $x $y>
SetEnv $x$y $y$x
</Macro>
Use Swap $y $x
Use Swap "" b
<Macro Redefined>
SetEnv FIRST 1
</Macro>
<Macro Redefined>
SetEnv SECOND 1
</Macro>
Use Redefined
<Macro Conditional $m>
<IfModule $m>
SetEnv LOADED $m
</IfModule>
</Macro>
Use Conditional mod_env.c
Use Conditional mod_none.c
<Macro Including $f>
Include $f
</Macro>
Use Including part.conf
Define V value
<Macro Expanding $v>
PassEnv E ${V} ${$v}
</Macro>
Use Expanding V
<Macro Unused>
SetEnv NEVER 1
</Macro>
<Macro Tail $p>
SetEnv P $p
SetEnv AFTER 1
</Macro>
Use Tail 'C:\'
<Macro Continued $p>
PassEnv P $p
PassEnv AFTER
</Macro>
Use Continued "C:\\"
UndefMacro Unused
`, "part.conf": "SetEnv PART 1\n"},
	"macro undefined":     {"apache2.conf": "Use Nothing\n"},
	"macro removed":       {"apache2.conf": "<Macro A>\n</Macro>\nUndefMacro A\nUse A\n"},
	"macro in a circle":   {"apache2.conf": "<Macro A>\nUse B\n</Macro>\n<Macro B>\nUse A\n</Macro>\nUse A\n"},
	"macro arguments":     {"apache2.conf": "<Macro A $x>\nSetEnv X $x\n</Macro>\nUse A\n"},
	"macro open":          {"apache2.conf": "<Macro A $x>\nSetEnv X $x\n"},
	"macro double name":   {"apache2.conf": "<Macro A $x $x>\nSetEnv X $x\n</Macro>\n"},
	"macro through files": {"apache2.conf": "<Macro A>\nInclude a.conf\n</Macro>\nUse A\n", "a.conf": "Use A\n"},
}

func TestAgreesWithApache(t *testing.T) {
	t.Parallel()
	for name, files := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written := map[string]string{}
			for file, text := range files {
				written[file] = text
			}
			written["apache2.conf"] = preamble() + written["apache2.conf"]
			root := folderWith(t, written)
			for file, text := range written {
				if strings.Contains(text, "{root}") {
					written[file] = strings.ReplaceAll(text, "{root}", root)
					rewrite(t, root, file, written[file])
				}
			}
			agree(t, root, Options{Environment: map[string]string{"FROM_OUTSIDE": "outer value", "EMPTY_OUTSIDE": ""}})
		})
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	root := folderWith(t, map[string]string{"apache2.conf": strings.Repeat("SetEnv A 1\n", 5000)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, Options{File: root + "/apache2.conf"}); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("Load = %v, want that it was cancelled", err)
	}
}
