package payments

import (
	"fmt"
	"slices"
	"strings"
)

// maxAmount is the largest amount of any currency: eight digits.
const maxAmount = 99_999_999

// currencies are those a payment can be made in.
var currencies = strings.Fields(`
	aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny
	cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk
	jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr
	mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos
	srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw`)

var (
	zeroDecimal  = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
	threeDecimal = strings.Fields("bhd jod kwd omr tnd")
	// wholeUnits have two decimals in the API and none in use.
	wholeUnits = strings.Fields("isk ugx")
)

// minimumAmounts are the least amounts a card is charged for, in minor units.
// Currencies that are not listed have 1.
var minimumAmounts = map[string]int64{
	"aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
	"hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
	"ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}

// checkCurrency refuses what is not a currency payments can be made in.
func checkCurrency(currency string) *Error {
	if !slices.Contains(currencies, currency) {
		return Invalid("", "currency", "Invalid currency: %.16q. These currencies are supported: %s.",
			currency, strings.Join(currencies, ", "))
	}
	return nil
}

// checkAmount refuses amounts no card can be charged.
func checkAmount(amount int64, currency string) *Error {
	switch least, step := minimumAmount(currency), amountStep(currency); {
	case amount < least:
		return Invalid(CodeAmountTooSmall, "amount", "Amount must be at least %s", FormatAmount(least, currency))
	case amount > maxAmount:
		return Invalid(CodeAmountTooLarge, "amount", "Amount must be no more than %s", FormatAmount(maxAmount, currency))
	case amount%step != 0:
		return Invalid(CodeParameterInvalidInteger, "amount",
			"Invalid amount: amounts in %s must be a multiple of %d.", currency, step)
	}
	return nil
}

func minimumAmount(currency string) int64 {
	if least, ok := minimumAmounts[currency]; ok {
		return least
	}
	return 1
}

// amountStep is what every amount in the currency must be a multiple of.
func amountStep(currency string) int64 {
	switch {
	case slices.Contains(threeDecimal, currency):
		return 10
	case slices.Contains(wholeUnits, currency):
		return 100
	default:
		return 1
	}
}

// Decimals is how many decimals of the currency the API's amounts have.
func Decimals(currency string) int {
	switch {
	case slices.Contains(zeroDecimal, currency):
		return 0
	case slices.Contains(threeDecimal, currency):
		return 3
	default:
		return 2
	}
}

// FormatAmount writes an amount for people: "12.34 usd", "500 jpy".
func FormatAmount(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	switch Decimals(currency) {
	case 0:
		return fmt.Sprintf("%s%d %s", sign, amount, currency)
	case 3:
		return fmt.Sprintf("%s%d.%03d %s", sign, amount/1000, amount%1000, currency)
	default:
		return fmt.Sprintf("%s%d.%02d %s", sign, amount/100, amount%100, currency)
	}
}
