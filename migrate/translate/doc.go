// Package translate turns an evaluated Apache configuration into a Caddyfile
// and gives a verdict on every directive of it.
//
// The way from one to the other:
//
//	apacheconf.Tree      what Apache reads
//	server               listening addresses, virtual hosts, what they inherit
//	Site                 one virtual host with its sections in merge order
//	Scope                a part of its URL space: proxied, or mapped to a folder
//	stages               parts write into the site's route in Apache's hook order
//
// A site's route is
//
//	route {
//		StageEarly     before everything else: variables, headers for all answers
//		StageRewrite   mod_rewrite of server and virtual host
//		StageProxy     ProxyPass, each branch: its scope, then reverse_proxy
//		StageRedirect  Redirect and RedirectMatch of server and virtual host
//		StageAlias     Alias, each branch a scope of files
//		               then the scope of the document root
//	}
//
// and a scope is
//
//	StageDocument  which pages of errors hold
//	StageAccess    Require, Order/Allow/Deny, authentication
//	StageFixup     rewrites and redirects of sections
//	StageIndex     folders: their slash, their index file
//	StageHeader    response headers, expiry
//	StageHandler   what answers; in a proxied scope the caller's
//
// A part is registered with the directives it answers for. Directives no part
// answers for are refused, and so are those whose part gave no verdict on them
// although their section applies somewhere: nothing is dropped in silence.
package translate
