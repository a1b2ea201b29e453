package apacheconf

import "strings"

// builtIn are the modules in Debian's Apache itself.
var builtIn = []string{
	"core_module", "http_module", "so_module", "watchdog_module",
	"log_config_module", "logio_module", "version_module", "unixd_module",
}

// ownModules are the modules of Apache that Debian's packages load on demand,
// by their names without "_module".
const ownModules = `
access_compat actions alias allowmethods asis auth_basic auth_digest auth_form authn_anon authn_core
authn_dbd authn_dbm authn_file authn_socache authnz_fcgi authnz_ldap authz_core authz_dbd authz_dbm
authz_groupfile authz_host authz_owner authz_user autoindex brotli bucketeer buffer cache cache_disk
cache_socache case_filter case_filter_in cern_meta cgi cgid charset_lite data dav dav_fs dav_lock
dbd deflate dialup dir dumpio echo env expires ext_filter file_cache filter headers heartbeat
heartmonitor http2 ident imagemap include info lbmethod_bybusyness lbmethod_byrequests
lbmethod_bytraffic lbmethod_heartbeat ldap log_debug log_forensic lua macro md mime mime_magic
mpm_event mpm_prefork mpm_worker negotiation proxy proxy_ajp proxy_balancer proxy_connect
proxy_express proxy_fcgi proxy_fdpass proxy_ftp proxy_hcheck proxy_html proxy_http proxy_http2
proxy_scgi proxy_uwsgi proxy_wstunnel ratelimit reflector remoteip reqtimeout request rewrite sed
session session_cookie session_crypto session_dbd setenvif slotmem_plain slotmem_shm socache_dbm
socache_memcache socache_redis socache_shmcb speling ssl status substitute suexec unique_id userdir
usertrack vhost_alias xml2enc
`

// oddSources are the source files of modules that are not called mod_NAME.c:
// <IfModule> knows a module by its name and by its source file.
var oddSources = map[string]string{
	"core_module":        "core.c",
	"http_module":        "http_core.c",
	"ldap_module":        "util_ldap.c",
	"mpm_event_module":   "event.c",
	"mpm_prefork_module": "prefork.c",
	"mpm_worker_module":  "worker.c",
}

// sourceOf is the source file of a module: mod_ssl.c of ssl_module.
func sourceOf(module string) string {
	if source, ok := oddSources[module]; ok {
		return source
	}
	return "mod_" + strings.TrimSuffix(module, "_module") + ".c"
}

// loaded tells whether the module is loaded.
func (e *evaluator) loaded(module string) bool {
	_, ok := e.tree.Modules[module]
	return ok
}

// loadedAs tells whether a module is loaded that has that name or source file.
func (e *evaluator) loadedAs(name string) bool {
	if e.loaded(name) {
		return true
	}
	for module, source := range oddSources {
		if source == name {
			return e.loaded(module)
		}
	}
	stem, ok := strings.CutPrefix(name, "mod_")
	if !ok {
		return false
	}
	stem, ok = strings.CutSuffix(stem, ".c")
	module := stem + "_module"
	_, odd := oddSources[module]
	return ok && !odd && e.loaded(module)
}
