package pdfa

import (
	"encoding/binary"
	"math"
)

// profile is an ICC profile (ISO 15076-1, version 4) of sRGB (IEC 61966-2-1):
// its primaries for the white point D50, and its curve as five numbers.
var profile = func() []byte {
	be := binary.BigEndian
	fixed := func(out []byte, values ...float64) []byte {
		for _, v := range values {
			out = be.AppendUint32(out, uint32(int32(math.Round(v*65536))))
		}
		return out
	}
	words := func(s string) []byte { // one record, in English
		out := append([]byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS"), 0, 0, 0, byte(2*len(s)), 0, 0, 0, 28)
		for _, r := range s {
			out = append(out, 0, byte(r))
		}
		return out
	}
	xyz := func(x, y, z float64) []byte { return fixed([]byte("XYZ \x00\x00\x00\x00"), x, y, z) }
	curve := fixed([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
	tags := []table{
		{"desc", words("sRGB")},
		{"cprt", words("No copyright, use freely")},
		{"wtpt", xyz(0.9642, 1, 0.8249)},
		{"chad", fixed([]byte("sf32\x00\x00\x00\x00"),
			1.047882, 0.022919, -0.050201, 0.029587, 0.990479, -0.017059, -0.009232, 0.015076, 0.751678)},
		{"rXYZ", xyz(0.436066, 0.222488, 0.013916)},
		{"gXYZ", xyz(0.385147, 0.716873, 0.097076)},
		{"bXYZ", xyz(0.143066, 0.060608, 0.714096)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	head := make([]byte, 128)
	copy(head[8:], "\x04\x20\x00\x00mntrRGB XYZ ")
	for i, v := range []uint16{2026, 1, 1, 0, 0, 0} {
		be.PutUint16(head[24+2*i:], v)
	}
	copy(head[36:], "acsp")
	copy(head[68:], fixed(nil, 0.9642, 1, 0.8249))
	list := be.AppendUint32(nil, uint32(len(tags)))
	at := len(head) + 4 + 12*len(tags)
	var data []byte
	for _, t := range tags {
		list = append(list, t.tag...)
		list = be.AppendUint32(list, uint32(at+len(data)))
		list = be.AppendUint32(list, uint32(len(t.data)))
		data = append(data, t.data...)
		for len(data)%4 != 0 {
			data = append(data, 0)
		}
	}
	out := append(append(head, list...), data...)
	be.PutUint32(out, uint32(len(out)))
	return out
}()
