package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
)

// bmp is the header of a Windows picture.
func bmp(width, height int32) []byte {
	b := make([]byte, 54)
	copy(b, "BM")
	binary.LittleEndian.PutUint32(b[14:], 40)
	binary.LittleEndian.PutUint32(b[18:], uint32(width))
	binary.LittleEndian.PutUint32(b[22:], uint32(height))
	return b
}

func encoded(t *testing.T, encode func(*bytes.Buffer, image.Image) error, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(b *bytes.Buffer, m image.Image) error  { return png.Encode(b, m) }
func jpegOf(b *bytes.Buffer, m image.Image) error { return jpeg.Encode(b, m, nil) }
func gifOf(b *bytes.Buffer, m image.Image) error  { return gif.Encode(b, m, nil) }

func TestSize(t *testing.T) {
	for _, tc := range []struct {
		name, svg     string
		width, height int // 0: an error
	}{
		{"plain", `<svg width="65" height="59"/>`, 65, 59},
		{"pixels", `<svg width="65.4px" height=" 59.5 PX "/>`, 65, 60},
		{"points", `<svg width="72pt" height="36pt"/>`, 96, 48},
		{"inches", `<svg width="1in" height="0.5in"/>`, 96, 48},
		{"centimetres", `<svg width="2.54cm" height="25.4mm"/>`, 96, 96},
		{"picas", `<svg width="6pc" height="1e1"/>`, 96, 10},
		{"box", `<svg viewBox="0 0 30 20"/>`, 30, 20},
		{"box with commas", `<svg viewBox="-1,-2, 30,20"/>`, 30, 20},
		{"per cent", `<svg width="100%" height="100%" viewBox="0 0 30 20"/>`, 30, 20},
		{"one of both", `<svg width="60" viewBox="0 0 30 20"/>`, 60, 40},
		{"the other", `<svg height="60" viewBox="0 0 30 20"/>`, 90, 60},
		{"prefix, declaration, comment", "\ufeff<?xml version=\"1.0\"?><!-- <svg width='1'/> --><s:svg width=\"3\" height=\"4\"/>", 3, 4},
		{"cut off", `<svg width="3" height="4"><g`, 3, 4},
		{"none", `<svg/>`, 0, 0},
		{"one alone", `<svg width="5"/>`, 0, 0},
		{"negative", `<svg width="-5" height="4"/>`, 0, 0},
		{"not a number", `<svg width="NaN" height="inf"/>`, 0, 0},
		{"hexadecimal", `<svg width="0x1p4" height="0x10"/>`, 0, 0},
		{"too large", `<svg width="1e300" height="1"/>`, 0, 0},
		{"too small", `<svg width="0.1" height="1"/>`, 0, 0},
		{"no picture", `hello`, 0, 0},
		{"another root", `<html/>`, 0, 0},
	} {
		w, h, err := Size([]byte(tc.svg))
		if w != tc.width || h != tc.height || (err == nil) != (tc.width > 0) {
			t.Errorf("%s: Size(%q) = %d, %d, %v, want %d, %d", tc.name, tc.svg, w, h, err, tc.width, tc.height)
		}
	}
}

func TestSizeAndTypeOfPoints(t *testing.T) {
	old := make([]byte, 26)
	copy(old, "BM")
	old[14], old[18], old[20] = 12, 7, 5
	for _, tc := range []struct {
		media         string
		data          []byte
		width, height int
	}{
		{TypePNG, encoded(t, pngOf, 7, 5), 7, 5},
		{TypeJPEG, encoded(t, jpegOf, 7, 5), 7, 5},
		{TypeGIF, encoded(t, gifOf, 7, 5), 7, 5},
		{TypeBMP, bmp(7, 5), 7, 5},
		{TypeBMP, bmp(7, -5), 7, 5},
		{TypeBMP, old, 7, 5},
		{TypeBMP, bmp(7, 5)[:20], 0, 0},
		{TypeBMP, bmp(0, 5), 0, 0},
		{TypePNG, encoded(t, pngOf, 7, 5)[:12], 0, 0},
	} {
		if media := Type(tc.data); media != tc.media {
			t.Errorf("Type(%q) = %q, want %q", tc.data, media, tc.media)
		}
		w, h, err := Size(tc.data)
		if w != tc.width || h != tc.height || (err == nil) != (tc.width > 0) {
			t.Errorf("Size(%s) = %d, %d, %v, want %d, %d", tc.media, w, h, err, tc.width, tc.height)
		}
	}
}
