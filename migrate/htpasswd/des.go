package htpasswd

import "strings"

// desAlphabet is the 64 characters of salt and hash.
const desAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// isDES says whether hash has the form of crypt(3)'s oldest: two characters
// of salt and eleven of hash.
func isDES(hash string) bool {
	return len(hash) == 13 && strings.Trim(hash, desAlphabet) == ""
}

// Tables of the Data Encryption Standard, FIPS 46-3. Bits count from 1, the
// most significant first.
var (
	desInitial = []byte{
		58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
		62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
		57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3,
		61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
	}
	desFinal = []byte{
		40, 8, 48, 16, 56, 24, 64, 32, 39, 7, 47, 15, 55, 23, 63, 31,
		38, 6, 46, 14, 54, 22, 62, 30, 37, 5, 45, 13, 53, 21, 61, 29,
		36, 4, 44, 12, 52, 20, 60, 28, 35, 3, 43, 11, 51, 19, 59, 27,
		34, 2, 42, 10, 50, 18, 58, 26, 33, 1, 41, 9, 49, 17, 57, 25,
	}
	desExpansion = []byte{
		32, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11, 12, 13, 12, 13, 14, 15, 16, 17,
		16, 17, 18, 19, 20, 21, 20, 21, 22, 23, 24, 25, 24, 25, 26, 27, 28, 29, 28, 29, 30, 31, 32, 1,
	}
	desPermutation = []byte{
		16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
		2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
	}
	desChoice1 = []byte{
		57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
		63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
	}
	desChoice2 = []byte{
		14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
		41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
	}
	desRotations = [16]uint{1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1}
	desBoxes     = [8][64]byte{
		{
			14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8,
			4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13,
		},
		{
			15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5,
			0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9,
		},
		{
			10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1,
			13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12,
		},
		{
			7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9,
			10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14,
		},
		{
			2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6,
			4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3,
		},
		{
			12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8,
			9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13,
		},
		{
			4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6,
			1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12,
		},
		{
			13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2,
			7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11,
		},
	}
)

// desCrypt is crypt(3) with DES: a block of zeros encrypted 25 times with the
// first eight characters of the password as the key, seven bits of each. The
// salt swaps bits of the expansion, so that no ordinary DES computes it.
func desCrypt(password, salt string) string {
	keys := desKeys(password)
	swap := desSalt(salt)
	var block uint64
	for range 25 {
		block = desEncrypt(block, keys, swap)
	}
	return salt + desEncode(block)
}

// permute picks bits of value, which has size bits.
func permute(value uint64, size uint, table []byte) uint64 {
	var out uint64
	for _, position := range table {
		out = out<<1 | value>>(size-uint(position))&1
	}
	return out
}

func desKeys(password string) (keys [16]uint64) {
	var key uint64
	for i := range 8 {
		key <<= 8
		if i < len(password) {
			key |= uint64(password[i]&0x7f) << 1
		}
	}
	const half = 1<<28 - 1
	chosen := permute(key, 64, desChoice1)
	left, right := chosen>>28, chosen&half
	for i, n := range desRotations {
		left = (left<<n | left>>(28-n)) & half
		right = (right<<n | right>>(28-n)) & half
		keys[i] = permute(left<<28|right, 56, desChoice2)
	}
	return keys
}

// desSalt is a mask over the 24 upper bits of the expansion: where it is set,
// they change places with the lower ones.
func desSalt(salt string) uint64 {
	var mask uint64
	for i := range 2 {
		value := uint64(strings.IndexByte(desAlphabet, salt[i])) //nolint:gosec // isDES has looked
		for bit := range 6 {
			if value>>bit&1 == 1 {
				mask |= 1 << (23 - 6*i - bit)
			}
		}
	}
	return mask
}

func desEncrypt(block uint64, keys [16]uint64, swap uint64) uint64 {
	block = permute(block, 64, desInitial)
	left, right := block>>32, block&0xffffffff
	for _, key := range keys {
		expanded := permute(right, 32, desExpansion)
		change := (expanded>>24 ^ expanded) & swap
		expanded ^= change<<24 | change
		left, right = right, left^desRound(expanded^key)
	}
	return permute(right<<32|left, 64, desFinal)
}

// desRound sends 48 bits through the boxes.
func desRound(bits uint64) uint64 {
	var out uint64
	for i := range desBoxes {
		six := bits >> (42 - 6*i) & 0x3f
		row, column := six>>4&2|six&1, six>>1&0xf
		out = out<<4 | uint64(desBoxes[i][row<<4|column])
	}
	return permute(out, 32, desPermutation)
}

// desEncode writes 64 bits as eleven characters.
func desEncode(block uint64) string {
	var out [11]byte
	for i := range 10 {
		out[i] = desAlphabet[block>>(58-6*i)&0x3f]
	}
	out[10] = desAlphabet[block<<2&0x3f]
	return string(out[:])
}
