package translate

import (
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// harmless are directives without an effect that a client or a backend sees,
// or whose effect Caddy has by nature.
var harmless = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`
		ServerAdmin ServerSignature ServerTokens LogLevel ProxyVia TraceEnable
		HostnameLookups SSLHonorCipherOrder SSLCompression SSLSessionTickets SSLStaplingCache
		SSLUseStapling SSLStaplingResponderTimeout SSLStaplingReturnResponderErrors SSLStaplingFakeTryLater
		SSLStaplingStandardCacheTimeout SSLStaplingErrorCacheTimeout SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew
		SSLStaplingForceURL SSLSessionCache SSLSessionCacheTimeout SSLRandomSeed SSLStrictSNIVHostCheck
		SSLPassPhraseDialog SSLCryptoDevice SSLInsecureRenegotiation
		NameVirtualHost UseCanonicalName UseCanonicalPhysicalPort Mutex PidFile User Group
		StartServers MinSpareServers MaxSpareServers MinSpareThreads MaxSpareThreads ThreadLimit ThreadsPerChild
		ThreadStackSize ServerLimit MaxRequestWorkers MaxClients MaxConnectionsPerChild MaxRequestsPerChild
		AsyncRequestWorkerFactor MaxMemFree ListenBacklog ListenCoresBucketsRatio AcceptFilter SendBufferSize
		ReceiveBufferSize EnableMMAP EnableSendfile AcceptMutex LockFile ScoreBoardFile CoreDumpDirectory
		DefaultRuntimeDir ServerRoot AccessFileName FileETag ExtendedStatus ProxyStatus Protocols ProtocolsHonorOrder
		LoadModule LoadFile ContentDigest GracefulShutdownTimeout HttpProtocolOptions SeeRequestTail
		IndexOptions IndexOrderDefault IndexStyleSheet IndexHeadInsert AddIcon AddIconByType
		AddIconByEncoding AddAlt AddAltByType AddAltByEncoding AddDescription DefaultIcon ReadmeName HeaderName
		H2Push H2MaxSessionStreams H2WindowSize H2MinWorkers H2MaxWorkers H2Direct H2Upgrade H2ModernTLSOnly
		H2StreamMaxMemSize H2TLSWarmUpSize H2TLSCoolDownSecs H2SerializeHeaders H2PushPriority H2PushDiarySize H2EarlyHints
		MimeMagicFile CacheLock CacheLockMaxAge CacheLockPath
		ScriptLog ScriptLogLength ScriptLogBuffer ScriptSock CGIDScriptTimeout`) {
		harmless[strings.ToLower(name)] = true
	}
}

// isHarmless tells whether d can be left out without anybody noticing.
func isHarmless(d *apacheconf.Directive) bool { return harmless[strings.ToLower(d.Name)] }
