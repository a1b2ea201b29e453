package apacheconf

import (
	"strings"
	"sync"
)

// Known is what is known about a directive.
type Known struct {
	// Name is as the manual writes it; a section's begins with "<".
	Name string
	// Modules have the directive: "ssl_module". Several have it when they are
	// built of the same parts, as the MPMs are.
	Modules []string
	// Server: allowed in the main configuration and in <VirtualHost>.
	// Directory: allowed in <Directory>, <Files>, <Location> and <If>.
	// Htaccess: allowed in .htaccess, where AllowOverride names one of Override;
	// an empty Override wants any that is not None.
	Server, Directory, Htaccess bool
	Override                    []string
	// Foreign directives are of modules that are not Apache's own. About their
	// contexts nothing is known.
	Foreign bool
}

// LookUp tells what is known about a directive, in any case. The name of a
// section begins with "<".
func LookUp(name string) (Known, bool) { return lookUp(strings.ToLower(name)) }

// Known tells what is known about a directive of a tree.
func (d *Directive) Known() (Known, bool) {
	name := strings.ToLower(d.Name)
	if d.Section {
		name = "<" + name
	}
	return lookUp(name)
}

func lookUp(lower string) (Known, bool) {
	known, ok := table()[lower]
	if ok {
		return known, true
	}
	for _, family := range foreign {
		for _, prefix := range family.prefixes {
			exact := strings.HasSuffix(prefix, "=")
			prefix = strings.TrimSuffix(prefix, "=")
			if lower == prefix || !exact && strings.HasPrefix(lower, prefix) {
				return Known{Name: lower, Modules: []string{family.module}, Foreign: true}, true
			}
		}
	}
	return Known{}, false
}

var table = sync.OnceValue(func() map[string]Known {
	known := make(map[string]Known, 1024)
	for row := range strings.Lines(ownDirectives) {
		fields := strings.Fields(row)
		contexts, override, _ := strings.Cut(fields[1], ":")
		entry := Known{
			Name:      fields[0],
			Server:    strings.Contains(contexts, "s"),
			Directory: strings.Contains(contexts, "d"),
			Htaccess:  strings.Contains(contexts, "h"),
		}
		for module := range strings.SplitSeq(fields[2], ",") {
			entry.Modules = append(entry.Modules, module+"_module")
		}
		if override != "" && override != "any" {
			entry.Override = strings.Split(override, "|")
		}
		known[strings.ToLower(entry.Name)] = entry
	}
	return known
})

// foreign are the directives of well-known modules from elsewhere, by what their
// names begin with in lower case; "=" at the end means the whole name.
var foreign = []struct {
	module   string
	prefixes []string
}{
	{"apparmor_module", []string{"aadefaulthatname=", "aahatname=", "immdefaulthatname=", "immhatname="}},
	{"auth_cas_module", []string{"cas"}},
	{"auth_gssapi_module", []string{"gssapi"}},
	{"auth_jwt_module", []string{"authjwt"}},
	{"auth_kerb_module", []string{"krb"}},
	{"auth_mellon_module", []string{"mellon"}},
	{"auth_openidc_module", []string{"oidc"}},
	{"auth_plain_module", []string{"authplain"}},
	{"auth_tkt_module", []string{"tktauth"}},
	{"authn_sasl_module", []string{"authsasl"}},
	{"authnz_external_module", []string{
		"addexternalauth=", "addexternalgroup=", "authexternal", "defineexternalauth=",
		"defineexternalgroup=", "groupexternal", "setexternalauthmethod=", "setexternalgroupmethod=",
	}},
	{"authnz_pam_module", []string{"authpam"}},
	{"authz_svn_module", []string{"authzsvn", "authzforceusernamecase="}},
	{"bw_module", []string{"bandwidth", "forcebandwidthmodule=", "largefilelimit=", "maxconnection=", "minbandwidth="}},
	{"cloudflare_module", []string{"cloudflareremoteip"}},
	{"dav_svn_module", []string{"svn"}},
	{"evasive20_module", []string{"dos"}},
	{"fcgid_module", []string{
		"fcgid", "busyscaninterval=", "busytimeout=", "defaultinitenv=", "defaultmaxclassprocesscount=",
		"defaultminclassprocesscount=", "errorscaninterval=", "idlescaninterval=", "idletimeout=", "ipccommtimeout=",
		"ipcconnecttimeout=", "maxprocesscount=", "maxrequestlen=", "processlifetime=",
		"fastcgiaccesschecker", "fastcgiauthenticator", "fastcgiauthorizer",
	}},
	{"fastcgi_module", []string{"fastcgi"}},
	{"geoip_module", []string{"geoip"}},
	{"jk_module", []string{"jk"}},
	{"log_slow_module", []string{"logslow"}},
	{"maxminddb_module", []string{"maxminddb"}},
	{"mpm_itk_module", []string{
		"assigngroupid", "assignuserid", "enablecapabilities=", "limitgidrange=", "limituidrange=", "maxclientsvhost=", "nicevalue=",
	}},
	{"oauth2_module", []string{"oauth2"}},
	{"pagespeed_module", []string{"modpagespeed", "<modpagespeed"}},
	{"passenger_module", []string{"passenger", "rails", "rack"}},
	{"perl_module", []string{"perl", "<perl", "setperl"}},
	{"php_module", []string{"php_", "phpinidir="}},
	{"python_module", []string{"python"}},
	{"qos_module", []string{"qs_"}},
	{"removeip_module", []string{"removeip"}},
	{"rpaf_module", []string{"rpaf"}},
	{"ruid2_module", []string{"rmode=", "ruidgid=", "rminuidgid=", "rgroups=", "rdefaultuidgid=", "rdocumentchroot="}},
	{"security2_module", []string{"sec", "modsecurity"}},
	{"shib_module", []string{"shib"}},
	{"upload_progress_module", []string{"reportuploads=", "trackuploads=", "uploadprogress"}},
	{"uwsgi_module", []string{"uwsgi"}},
	{"wsgi_module", []string{"wsgi"}},
	{"xsendfile_module", []string{"xsendfile"}},
}

// ownDirectives are those of Apache 2.4 with Debian's modules, one a line: the
// name; where it is allowed (s server and virtual host, d directory and the
// like, h .htaccess and under which AllowOverride); its modules.
const ownDirectives = `AcceptFilter s core
AcceptPathInfo sdh:FileInfo core
AccessFileName s core
Action sdh:FileInfo actions
AddAlt sdh:Indexes autoindex
AddAltByEncoding sdh:Indexes autoindex
AddAltByType sdh:Indexes autoindex
AddCharset sdh:FileInfo mime
AddDefaultCharset sdh:FileInfo core
AddDescription sdh:Indexes autoindex
AddEncoding sdh:FileInfo mime
AddHandler sdh:FileInfo mime
AddIcon sdh:Indexes autoindex
AddIconByEncoding sdh:Indexes autoindex
AddIconByType sdh:Indexes autoindex
AddInputFilter sdh:FileInfo mime
AddLanguage sdh:FileInfo mime
AddModuleInfo s info
AddOutputFilter sdh:FileInfo mime
AddOutputFilterByType sdh:FileInfo filter
AddType sdh:FileInfo mime
Alias sd alias
AliasMatch s alias
AliasPreservePath sdh:FileInfo alias
allow dh:Limit access_compat
AllowCONNECT s proxy_connect
AllowEncodedSlashes s core
AllowMethods d allowmethods
AllowOverride d core
AllowOverrideList d core
Anonymous dh:AuthConfig authn_anon
Anonymous_LogEmail dh:AuthConfig authn_anon
Anonymous_MustGiveEmail dh:AuthConfig authn_anon
Anonymous_NoUserId dh:AuthConfig authn_anon
Anonymous_VerifyEmail dh:AuthConfig authn_anon
AsyncRequestWorkerFactor s mpm_event
AuthBasicAuthoritative dh:AuthConfig auth_basic
AuthBasicFake dh:AuthConfig auth_basic
AuthBasicProvider dh:AuthConfig auth_basic
AuthBasicUseDigestAlgorithm dh:AuthConfig auth_basic
AuthDBDUserPWQuery d authn_dbd
AuthDBDUserRealmQuery d authn_dbd
AuthDBMGroupFile dh:AuthConfig authz_dbm
AuthDBMType dh:AuthConfig authn_dbm
AuthDBMUserFile dh:AuthConfig authn_dbm
AuthDigestAlgorithm dh:AuthConfig auth_digest
AuthDigestDomain dh:AuthConfig auth_digest
AuthDigestNcCheck dh:AuthConfig auth_digest
AuthDigestNonceLifetime dh:AuthConfig auth_digest
AuthDigestProvider dh:AuthConfig auth_digest
AuthDigestQop dh:AuthConfig auth_digest
AuthDigestShmemSize s auth_digest
AuthFormAuthoritative dh:AuthConfig auth_form
AuthFormBody dh:AuthConfig auth_form
AuthFormDisableNoStore dh:AuthConfig auth_form
AuthFormFakeBasicAuth dh:AuthConfig auth_form
AuthFormLocation dh:AuthConfig auth_form
AuthFormLoginRequiredLocation dh:AuthConfig auth_form
AuthFormLoginSuccessLocation dh:AuthConfig auth_form
AuthFormLogoutLocation dh:AuthConfig auth_form
AuthFormMethod dh:AuthConfig auth_form
AuthFormMimetype dh:AuthConfig auth_form
AuthFormPassword dh:AuthConfig auth_form
AuthFormProvider dh:AuthConfig auth_form
AuthFormSitePassphrase dh:AuthConfig auth_form
AuthFormSize d auth_form
AuthFormUsername dh:AuthConfig auth_form
AuthGroupFile dh:AuthConfig authz_groupfile
AuthLDAPAuthorizePrefix dh:AuthConfig authnz_ldap
AuthLDAPBindAuthoritative dh:AuthConfig authnz_ldap
AuthLDAPBindDN dh:AuthConfig authnz_ldap
AuthLDAPBindPassword dh:AuthConfig authnz_ldap
AuthLDAPCharsetConfig s authnz_ldap
AuthLDAPCompareAsUser dh:AuthConfig authnz_ldap
AuthLDAPCompareDNOnServer dh:AuthConfig authnz_ldap
AuthLDAPDereferenceAliases dh:AuthConfig authnz_ldap
AuthLDAPGroupAttribute dh:AuthConfig authnz_ldap
AuthLDAPGroupAttributeIsDN dh:AuthConfig authnz_ldap
AuthLDAPInitialBindAsUser dh:AuthConfig authnz_ldap
AuthLDAPInitialBindPattern dh:AuthConfig authnz_ldap
AuthLDAPMaxSubGroupDepth dh:AuthConfig authnz_ldap
AuthLDAPRemoteUserAttribute dh:AuthConfig authnz_ldap
AuthLDAPRemoteUserIsDN dh:AuthConfig authnz_ldap
AuthLDAPSearchAsUser dh:AuthConfig authnz_ldap
AuthLDAPSubGroupAttribute dh:AuthConfig authnz_ldap
AuthLDAPSubGroupClass dh:AuthConfig authnz_ldap
AuthLDAPURL dh:AuthConfig authnz_ldap
AuthMerging dh:AuthConfig authz_core
AuthName dh:AuthConfig authn_core
AuthnCacheContext d authn_socache
AuthnCacheEnable s authn_socache
AuthnCacheProvideFor dh:AuthConfig authn_socache
AuthnCacheSOCache s authn_socache
AuthnCacheTimeout dh:AuthConfig authn_socache
<AuthnProviderAlias s authn_core
AuthnzFcgiCheckAuthnProvider sdh:FileInfo authnz_fcgi
AuthnzFcgiDefineProvider s authnz_fcgi
AuthType dh:AuthConfig authn_core
AuthUserFile dh:AuthConfig authn_file
AuthzDBDLoginToReferer d authz_dbd
AuthzDBDQuery d authz_dbd
AuthzDBDRedirectQuery d authz_dbd
AuthzDBMType dh:AuthConfig authz_dbm
<AuthzProviderAlias s authz_core
AuthzSendForbiddenOnFailure dh:AuthConfig authz_core
BalancerGrowth s proxy
BalancerInherit s proxy
BalancerMember sd proxy
BalancerPersist s proxy
BrotliAlterETag s brotli
BrotliCompressionMaxInputBlock s brotli
BrotliCompressionQuality s brotli
BrotliCompressionWindow s brotli
BrotliFilterNote s brotli
BrowserMatch sdh:FileInfo setenvif
BrowserMatchNoCase sdh:FileInfo setenvif
BufferedLogs s log_config
BufferSize d buffer
CacheDefaultExpire sd cache
CacheDetailHeader sd cache
CacheDirLength s cache_disk
CacheDirLevels s cache_disk
CacheDisable sd cache
CacheEnable sd cache
cachefile s file_cache
CacheHeader sd cache
CacheIgnoreCacheControl s cache
CacheIgnoreHeaders s cache
CacheIgnoreNoLastMod sd cache
CacheIgnoreQueryString s cache
CacheIgnoreURLSessionIdentifiers s cache
CacheKeyBaseURL s cache
CacheLastModifiedFactor sd cache
CacheLock s cache
CacheLockMaxAge s cache
CacheLockPath s cache
CacheMaxExpire sd cache
CacheMaxFileSize sd cache_disk
CacheMinExpire sd cache
CacheMinFileSize sd cache_disk
CacheNegotiatedDocs s negotiation
CacheQuickHandler s cache
CacheReadSize sd cache_disk
CacheReadTime sd cache_disk
CacheRoot s cache_disk
CacheSocache s cache_socache
CacheSocacheMaxSize sd cache_socache
CacheSocacheMaxTime sd cache_socache
CacheSocacheMinTime sd cache_socache
CacheSocacheReadSize sd cache_socache
CacheSocacheReadTime sd cache_socache
CacheStaleOnError sd cache
CacheStoreExpired sd cache
CacheStoreNoStore sd cache
CacheStorePrivate sd cache
CaseFilter s case_filter
CaseFilterIn s case_filter_in
CGIDScriptTimeout sd cgid
CGIPassAuth dh:AuthConfig core
CGIScriptTimeout sd cgi
CGIVar sdh:FileInfo core
CharsetDefault sdh:FileInfo charset_lite
CharsetOptions sdh:FileInfo charset_lite
CharsetSourceEnc sdh:FileInfo charset_lite
CheckBasenameMatch sdh:Options speling
CheckCaseOnly sdh:Options speling
CheckSpelling sdh:Options speling
ChrootDir s unixd
ContentDigest sdh:Options core
CookieDomain sdh:FileInfo usertrack
CookieExpires sdh:FileInfo usertrack
CookieHttpOnly sdh:FileInfo usertrack
CookieName sdh:FileInfo usertrack
CookieSameSite sdh:FileInfo usertrack
CookieSecure sdh:FileInfo usertrack
CookieStyle sdh:FileInfo usertrack
CookieTracking sdh:FileInfo usertrack
CoreDumpDirectory s core
CustomLog s log_config
DAV d dav
DAVBasePath d dav
DAVDepthInfinity sd dav
DAVGenericLockDB d dav_lock
DAVLockDB s dav_fs
DAVLockDiscovery sd dav
DAVMinTimeout sd dav
DBDExptime s dbd
DBDInitSQL s dbd
DBDKeep s dbd
DBDMax s dbd
DBDMin s dbd
DBDParams s dbd
DBDPersist s dbd
DBDPrepareSQL s dbd
DBDriver s dbd
DefaultIcon sdh:Indexes autoindex
DefaultLanguage sdh:FileInfo mime
DefaultRuntimeDir s core
DefaultType sdh:FileInfo core
Define sd core
DeflateAlterEtag s deflate
DeflateBufferSize s deflate
DeflateCompressionLevel s deflate
DeflateFilterNote s deflate
DeflateInflateLimitRequestBody sdh:any deflate
DeflateInflateRatioBurst sdh:any deflate
DeflateInflateRatioLimit sdh:any deflate
DeflateMemLevel s deflate
DeflateWindowSize s deflate
deny dh:Limit access_compat
<Directory s core
DirectoryCheckHandler sdh:Indexes dir
DirectoryIndex sdh:Indexes dir
DirectoryIndexRedirect sdh:Indexes dir
<DirectoryMatch s core
DirectorySlash sdh:Indexes dir
DocumentRoot s core
DumpIOInput s dumpio
DumpIOOutput s dumpio
<Else sdh:any core
<ElseIf sdh:any core
EnableMMAP sdh:FileInfo core
EnableSendfile sdh:FileInfo core
Error sdh:any core
ErrorDocument sdh:FileInfo core
ErrorLog s core
ErrorLogFormat s core
ExpiresActive sdh:Indexes expires
ExpiresByType sdh:Indexes expires
ExpiresDefault sdh:Indexes expires
ExtendedStatus s core
ExtFilterDefine s ext_filter
ExtFilterOptions d ext_filter
FallbackResource sdh:Indexes dir
FancyIndexing sdh:any autoindex
FileETag sdh:FileInfo core
<Files sdh:any core
<FilesMatch sdh:any core
FilterChain sdh:Options filter
FilterDeclare sdh:Options filter
FilterProtocol sdh:Options filter
FilterProvider sdh:Options filter
FilterTrace sd filter
FlushMaxPipelined s core
FlushMaxThreshold s core
ForceLanguagePriority sdh:FileInfo negotiation
ForceType sdh:FileInfo core
ForensicLog s log_forensic
GlobalLog s log_config
GracefulShutdownTimeout s mpm_event,mpm_prefork,mpm_worker
Group s unixd
H2CopyFiles sdh:FileInfo http2
H2Direct s http2
H2EarlyHint sdh:AuthConfig|FileInfo http2
H2EarlyHints s http2
H2MaxDataFrameLen s http2
H2MaxHeaderBlockLen s http2
H2MaxSessionStreams s http2
H2MaxStreamErrors s http2
H2MaxWorkerIdleSeconds s http2
H2MaxWorkers s http2
H2MinWorkers s http2
H2ModernTLSOnly s http2
H2OutputBuffering s http2
H2Padding s http2
H2ProxyRequests sdh:FileInfo http2
H2Push sdh:AuthConfig http2
H2PushDiarySize s http2
H2PushPriority s http2
H2PushResource sdh:AuthConfig|FileInfo http2
H2SerializeHeaders s http2
H2SessionExtraFiles s http2
H2StreamMaxMemSize s http2
H2StreamTimeout s http2
H2TLSCoolDownSecs s http2
H2TLSWarmUpSize s http2
H2Upgrade sdh:AuthConfig http2
H2WebSockets s http2
H2WindowSize s http2
Header sdh:FileInfo headers
HeaderName sdh:Indexes autoindex
HeartbeatAddress s heartbeat
HeartbeatListen s heartmonitor
HeartbeatMaxServers s heartmonitor
HeartbeatStorage s heartmonitor,lbmethod_heartbeat
HostnameLookups sd core
HttpProtocolOptions s core
IdentityCheck sd ident
IdentityCheckTimeout sd ident
<If sdh:any core
<IfDefine sdh:any core
<IfDirective sdh:any core
<IfFile sdh:any core
<IfModule sdh:any core
<IfSection sdh:any core
<IfVersion sdh:any version
ImapBase sdh:Indexes imagemap
ImapDefault sdh:Indexes imagemap
ImapMenu sdh:Indexes imagemap
Include sd core
IncludeOptional sd core
IndexHeadInsert sdh:Indexes autoindex
IndexIgnore sdh:Indexes autoindex
IndexIgnoreReset sdh:Indexes autoindex
IndexOptions sdh:Indexes autoindex
IndexOrderDefault sdh:Indexes autoindex
IndexStyleSheet sdh:Indexes autoindex
InputSed d sed
KeepAlive s http
KeepAliveTimeout s http
KeptBodySize d request
LanguagePriority sdh:FileInfo negotiation
LDAPCacheEntries s ldap
LDAPCacheTTL s ldap
LDAPConnectionPoolTTL s ldap
LDAPConnectionTimeout s ldap
LDAPLibraryDebug s ldap
LDAPOpCacheEntries s ldap
LDAPOpCacheTTL s ldap
LDAPReferralHopLimit dh:AuthConfig ldap
LDAPReferrals dh:AuthConfig ldap
LDAPRetries s ldap
LDAPRetryDelay s ldap
LDAPSharedCacheFile s ldap
LDAPSharedCacheSize s ldap
LDAPTimeout s ldap
LDAPTrustedClientCert dh:AuthConfig ldap
LDAPTrustedGlobalCert s ldap
LDAPTrustedMode s ldap
LDAPVerifyServerCert s ldap
<Limit dh:AuthConfig|Limit core
<LimitExcept dh:AuthConfig|Limit core
LimitInternalRecursion s core
LimitRequestBody sdh:any core
LimitRequestFields s core
LimitRequestFieldsize s core
LimitRequestLine s core
LimitXMLRequestBody sdh:any core
Listen s mpm_event,mpm_prefork,mpm_worker
ListenBacklog s mpm_event,mpm_prefork,mpm_worker
ListenCoresBucketsRatio s mpm_event,mpm_prefork,mpm_worker
ListenTCPDeferAccept s mpm_event,mpm_prefork,mpm_worker
LoadFile s so
LoadModule s so
<Location s core
<LocationMatch s core
LogFormat s log_config
LogIOTrackTTFB sdh:any logio
LogLevel sd core
LogMessage sd log_debug
Lua_____ByteCodeHack sdh:any lua
LuaAuthzProvider s lua
LuaCodeCache sdh:any lua
LuaHookAccessChecker sdh:any lua
<LuaHookAccessChecker sdh:any lua
LuaHookAuthChecker sdh:any lua
<LuaHookAuthChecker sdh:any lua
LuaHookCheckUserID sdh:any lua
<LuaHookCheckUserID sdh:any lua
LuaHookFixups sdh:any lua
<LuaHookFixups sdh:any lua
LuaHookInsertFilter sdh:any lua
LuaHookLog sdh:any lua
LuaHookMapToStorage sdh:any lua
<LuaHookMapToStorage sdh:any lua
LuaHookPreTranslateName sdh:any lua
<LuaHookPreTranslateName sdh:any lua
LuaHookTranslateName sdh:any lua
<LuaHookTranslateName sdh:any lua
LuaHookTypeChecker sdh:any lua
<LuaHookTypeChecker sdh:any lua
LuaInherit sdh:any lua
LuaInputFilter sdh:any lua
LuaMapHandler sdh:any lua
LuaOutputFilter sdh:any lua
LuaPackageCPath sdh:any lua
LuaPackagePath sdh:any lua
LuaQuickHandler sdh:any lua
<LuaQuickHandler sdh:any lua
LuaRoot sdh:any lua
LuaScope sdh:any lua
<Macro sdh:any macro
MacroIgnoreBadNesting sdh:any macro
MacroIgnoreEmptyArgs sdh:any macro
MaxClients s mpm_event,mpm_prefork,mpm_worker
MaxConnectionsPerChild s core
MaxKeepAliveRequests s http
MaxMemFree s core
MaxRangeOverlaps sd core
MaxRangeReversals sd core
MaxRanges sd core
MaxRequestsPerChild s core
MaxRequestWorkers s mpm_event,mpm_prefork,mpm_worker
MaxSpareServers s mpm_prefork
MaxSpareThreads s mpm_event,mpm_worker
MDActivationDelay s md
MDBaseServer s md
MDCACertificateFile s md
MDCAChallenges s md
MDCertificateAgreement s md
MDCertificateAuthority s md
MDCertificateCheck s md
MDCertificateFile s md
MDCertificateKeyFile s md
MDCertificateProtocol s md
MDCertificateStatus s md
MDChallengeDns01 s md
MDChallengeDns01Version s md
MDCheckInterval s md
MDContactEmail s md
MDDriveMode s md
MDExternalAccountBinding s md
MDHttpProxy s md
MDHttpProxyCACertificateFile s md
MDInitialDelay s md
MDMatchNames s md
MDMember s md
MDMembers s md
MDMessageCmd s md
MDMustStaple s md
MDNotifyCmd s md
MDomain s md
<MDomain s md
<MDomainSet s md
MDPortMap s md
MDPrivateKeys s md
MDProfile s md
MDProfileMandatory s md
MDRenewMode s md
MDRenewViaARI s md
MDRenewWindow s md
MDRequireHttps sdh:AuthConfig md
MDRetryDelay s md
MDRetryFailover s md
MDServerStatus s md
MDStapleOthers s md
MDStapling s md
MDStaplingKeepResponse s md
MDStaplingRenewWindow s md
MDStoreDir s md
MDStoreLocks s md
MDWarnWindow s md
MemcacheConnTTL s socache_memcache
MergeSlashes s core
MergeTrailers s core
MetaDir sdh:Indexes cern_meta
MetaFiles sdh:Indexes cern_meta
MetaSuffix sdh:Indexes cern_meta
MimeMagicFile s mime_magic
MinSpareServers s mpm_prefork
MinSpareThreads s mpm_event,mpm_worker
mmapfile s file_cache
ModemStandard d dialup
ModMimeUsePathInfo d mime
MultiviewsMatch sdh:FileInfo mime
Mutex s core
NameVirtualHost s core
NoProxy s proxy
Options sdh:Options core
order dh:Limit access_compat
OutputSed d sed
PassEnv sdh:FileInfo env
PidFile s core
Port s core
Protocol s core
ProtocolEcho s echo
Protocols s core
ProtocolsHonorOrder s core
<Proxy s proxy
Proxy100Continue sd proxy
ProxyAddHeaders sd proxy
ProxyBadHeader s proxy
ProxyBlock s proxy
ProxyDomain s proxy
ProxyErrorOverride sd proxy
ProxyExpressDBMFile sdh:FileInfo proxy_express
ProxyExpressDBMType sdh:FileInfo proxy_express
ProxyExpressEnable sdh:FileInfo proxy_express
ProxyFCGIBackendType sdh:FileInfo proxy_fcgi
ProxyFCGISetEnvIf sdh:FileInfo proxy_fcgi
ProxyFtpDirCharset sd proxy_ftp
ProxyFtpEscapeWildcards sd proxy_ftp
ProxyFtpListOnWildcard sd proxy_ftp
ProxyHCExpr sdh:FileInfo proxy_hcheck
ProxyHCTemplate sdh:FileInfo proxy_hcheck
ProxyHCTPsize s proxy_hcheck
ProxyHTMLBufSize sd proxy_html
ProxyHTMLCharsetOut sd proxy_html
ProxyHTMLDoctype sd proxy_html
ProxyHTMLEnable sd proxy_html
ProxyHTMLEvents sd proxy_html
ProxyHTMLExtended sd proxy_html
ProxyHTMLFixups sd proxy_html
ProxyHTMLInterp sd proxy_html
ProxyHTMLLinks sd proxy_html
ProxyHTMLMeta sd proxy_html
ProxyHTMLStripComments sd proxy_html
ProxyHTMLURLMap sd proxy_html
ProxyIOBufferSize s proxy
<ProxyMatch s proxy
ProxyMaxForwards s proxy
ProxyPass sd proxy
ProxyPassInherit s proxy
ProxyPassInterpolateEnv sd proxy
ProxyPassMatch sd proxy
ProxyPassReverse sd proxy
ProxyPassReverseCookieDomain sd proxy
ProxyPassReverseCookiePath sd proxy
ProxyPreserveHost sd proxy
ProxyReceiveBufferSize s proxy
ProxyRemote s proxy
ProxyRemoteMatch s proxy
ProxyRequests s proxy
ProxySCGIInternalRedirect sd proxy_scgi
ProxySCGISendfile sd proxy_scgi
ProxySet sd proxy
ProxySourceAddress s proxy
ProxyStatus s proxy
ProxyTimeout s proxy
ProxyVia s proxy
ProxyWebsocketFallbackToProxyHttp sd proxy_wstunnel
QualifyRedirectURL sdh:FileInfo core
ReadBufferSize sd core
ReadmeName sdh:Indexes autoindex
ReceiveBufferSize s mpm_event,mpm_prefork,mpm_worker
Redirect sdh:FileInfo alias
RedirectMatch sdh:FileInfo alias
RedirectPermanent sdh:FileInfo alias
RedirectRelative sdh:FileInfo alias
RedirectTemp sdh:FileInfo alias
RedisConnPoolTTL s socache_redis
RedisTimeout s socache_redis
ReflectorHeader sdh:Options reflector
RegexDefaultOptions s core
RegisterHttpMethod s core
RemoteIPHeader s remoteip
RemoteIPInternalProxy s remoteip
RemoteIPInternalProxyList s remoteip
RemoteIPProxiesHeader s remoteip
RemoteIPProxyProtocol s remoteip
RemoteIPProxyProtocolExceptions s remoteip
RemoteIPTrustedProxy s remoteip
RemoteIPTrustedProxyList s remoteip
RemoveCharset sdh:FileInfo mime
RemoveEncoding sdh:FileInfo mime
RemoveHandler sdh:FileInfo mime
RemoveInputFilter sdh:FileInfo mime
RemoveLanguage sdh:FileInfo mime
RemoveOutputFilter sdh:FileInfo mime
RemoveType sdh:FileInfo mime
RequestHeader sdh:FileInfo headers
RequestReadTimeout s reqtimeout
Require dh:AuthConfig authz_core
<RequireAll dh:AuthConfig authz_core
<RequireAny dh:AuthConfig authz_core
<RequireNone dh:AuthConfig authz_core
RewriteBase sdh:FileInfo rewrite
RewriteCond sdh:FileInfo rewrite
RewriteEngine sdh:FileInfo rewrite
RewriteMap s rewrite
RewriteOptions sdh:FileInfo rewrite
RewriteRule sdh:FileInfo rewrite
RLimitCPU sdh:any core
RLimitMEM sdh:any core
RLimitNPROC sdh:any core
Satisfy dh:AuthConfig access_compat
ScoreBoardFile s core
Script sd actions
ScriptAlias sd alias
ScriptAliasMatch s alias
ScriptLog s cgi,cgid
ScriptLogBuffer s cgi,cgid
ScriptLogLength s cgi,cgid
ScriptSock s cgid
SeeRequestTail s core
SendBufferSize s mpm_event,mpm_prefork,mpm_worker
ServerAdmin s core
ServerAlias s core
ServerLimit s mpm_event,mpm_prefork,mpm_worker
ServerName s core
ServerPath s core
ServerRoot s core
ServerSignature sdh:any core
ServerTokens s core
Session sdh:AuthConfig session
SessionCookieName sdh:AuthConfig session_cookie
SessionCookieName2 sdh:AuthConfig session_cookie
SessionCookieRemove sdh:AuthConfig session_cookie
SessionCryptoCipher sdh:AuthConfig session_crypto
SessionCryptoDriver s session_crypto
SessionCryptoPassphrase sdh:AuthConfig session_crypto
SessionCryptoPassphraseFile sd session_crypto
SessionDBDCookieName sdh:AuthConfig session_dbd
SessionDBDCookieName2 sdh:AuthConfig session_dbd
SessionDBDCookieRemove sdh:AuthConfig session_dbd
SessionDBDDeleteLabel sdh:AuthConfig session_dbd
SessionDBDInsertLabel sdh:AuthConfig session_dbd
SessionDBDPerUser sdh:AuthConfig session_dbd
SessionDBDSelectLabel sdh:AuthConfig session_dbd
SessionDBDUpdateLabel sdh:AuthConfig session_dbd
SessionEnv sdh:AuthConfig session
SessionExclude sdh:AuthConfig session
SessionExpiryUpdateInterval sdh:AuthConfig session
SessionHeader sdh:AuthConfig session
SessionInclude sdh:AuthConfig session
SessionMaxAge sdh:AuthConfig session
SetEnv sdh:FileInfo env
SetEnvIf sdh:FileInfo setenvif
SetEnvIfExpr sdh:FileInfo setenvif
SetEnvIfNoCase sdh:FileInfo setenvif
SetHandler sdh:FileInfo core
SetInputFilter sdh:FileInfo core
SetOutputFilter sdh:FileInfo core
SSIEndTag s include
SSIErrorMsg sdh:any include
SSIEtag dh:Limit include
SSILastModified dh:Limit include
SSILegacyExprParser dh:Limit include
SSIStartTag s include
SSITimeFormat sdh:any include
SSIUndefinedEcho sdh:any include
SSLCACertificateFile sdh:AuthConfig ssl
SSLCACertificatePath sdh:AuthConfig ssl
SSLCADNRequestFile s ssl
SSLCADNRequestPath s ssl
SSLCARevocationCheck s ssl
SSLCARevocationFile s ssl
SSLCARevocationPath s ssl
SSLCertificateChainFile s ssl
SSLCertificateFile s ssl
SSLCertificateKeyFile s ssl
SSLCipherSuite sdh:AuthConfig ssl
SSLCompression s ssl
SSLCryptoDevice s ssl
SSLEngine s ssl
SSLFIPS s ssl
SSLHonorCipherOrder s ssl
SSLInsecureRenegotiation s ssl
SSLLog sdh:any ssl
SSLLogLevel sdh:any ssl
SSLOCSPDefaultResponder s ssl
SSLOCSPEnable s ssl
SSLOCSPNoVerify s ssl
SSLOCSPOverrideResponder s ssl
SSLOCSPProxyURL s ssl
SSLOCSPResponderCertificateFile s ssl
SSLOCSPResponderTimeout s ssl
SSLOCSPResponseMaxAge s ssl
SSLOCSPResponseTimeSkew s ssl
SSLOCSPUseRequestNonce s ssl
SSLOpenSSLConfCmd s ssl
SSLOptions sdh:Options ssl
SSLPassPhraseDialog s ssl
SSLProtocol s ssl
SSLProxyCACertificateFile s ssl
SSLProxyCACertificatePath s ssl
SSLProxyCARevocationCheck s ssl
SSLProxyCARevocationFile s ssl
SSLProxyCARevocationPath s ssl
SSLProxyCheckPeerCN s ssl
SSLProxyCheckPeerExpire s ssl
SSLProxyCheckPeerName s ssl
SSLProxyCipherSuite s ssl
SSLProxyEngine s ssl
SSLProxyMachineCertificateChainFile s ssl
SSLProxyMachineCertificateFile s ssl
SSLProxyMachineCertificatePath s ssl
SSLProxyProtocol s ssl
SSLProxyVerify s ssl
SSLProxyVerifyDepth s ssl
SSLRandomSeed s ssl
SSLRenegBufferSize dh:AuthConfig ssl
SSLRequire dh:AuthConfig ssl
SSLRequireSSL dh:AuthConfig ssl
SSLSessionCache s ssl
SSLSessionCacheTimeout s ssl
SSLSessionTicketKeyFile s ssl
SSLSessionTickets s ssl
SSLSRPUnknownUserSeed s ssl
SSLSRPVerifierFile s ssl
SSLStaplingCache s ssl
SSLStaplingErrorCacheTimeout s ssl
SSLStaplingFakeTryLater s ssl
SSLStaplingForceURL s ssl
SSLStaplingResponderTimeout s ssl
SSLStaplingResponseMaxAge s ssl
SSLStaplingResponseTimeSkew s ssl
SSLStaplingReturnResponderErrors s ssl
SSLStaplingStandardCacheTimeout s ssl
SSLStrictSNIVHostCheck s ssl
SSLUserName sdh:AuthConfig ssl
SSLUseStapling s ssl
SSLVerifyClient sdh:AuthConfig ssl
SSLVerifyDepth sdh:AuthConfig ssl
SSLVHostSNIPolicy s ssl
StartServers s mpm_event,mpm_prefork,mpm_worker
StrictHostCheck s core
Substitute sdh:FileInfo substitute
SubstituteInheritBefore sdh:FileInfo substitute
SubstituteMaxLineLength sdh:FileInfo substitute
Suexec s unixd
SuexecUserGroup s suexec
ThreadLimit s mpm_event,mpm_worker
ThreadsPerChild s mpm_event,mpm_worker
ThreadStackSize s core
Timeout s core
TraceEnable s core
TransferLog s log_config
TypesConfig s mime
UnDefine sd core
UndefMacro sdh:any macro
UnsetEnv sdh:FileInfo env
Use sdh:any macro
UseCanonicalName sd core
UseCanonicalPhysicalPort sd core
User s unixd
UserDir s userdir
VirtualDocumentRoot s vhost_alias
VirtualDocumentRootIP s vhost_alias
<VirtualHost s core
VirtualScriptAlias s vhost_alias
VirtualScriptAliasIP s vhost_alias
WatchdogInterval s watchdog
XBitHack sdh:Options include
xml2EncAlias s xml2enc
xml2EncDefault sdh:any xml2enc
xml2StartParse sdh:any xml2enc`
