package money

import "strings"

// The active currencies of ISO 4217, funds codes and precious metals left
// out, by their number of decimals.
const (
	noDecimals    = `bif clp djf gnf isk jpy kmf krw pyg rwf ugx vnd vuv xaf xof xpf`
	threeDecimals = `bhd iqd jod kwd lyd omr tnd`
	twoDecimals   = `aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd btn bwp byn bzd
		cad cdf chf cny cop crc cup cve czk dkk dop dzd egp ern etb eur fjd fkp gbp gel ghs gip gmd gtq gyd
		hkd hnl htg huf idr ils inr irr jmd kes kgs khr kpw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk
		mnt mop mru mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub
		sar sbd scr sdg sek sgd shp sle sos srd ssp stn svc syp szl thb tjs tmt top try ttd twd tzs uah usd
		uyu uzs ved ves wst xcd xcg yer zar zmw zwg`
)

var currencies = func() map[string]int {
	digits := make(map[string]int)
	for codes, n := range map[string]int{noDecimals: 0, twoDecimals: 2, threeDecimals: 3} {
		for code := range strings.FieldsSeq(codes) {
			digits[code] = n
		}
	}
	return digits
}()
