// Package dcz is the content coding of RFC 9842: zstd with a dictionary that the client
// has and the server has too, an earlier state of the same file.
//
//	Available-Dictionary: :SHA-256:  ─► Available ─┐
//	Accept-Encoding: dcz             ─► Accepts ───┤
//	                                               ▼
//	dictionary + content ─► Encode ─► magic, SHA-256 of the dictionary, one zstd frame ─► Decode
//
// It knows the two header fields and the bytes, and neither files nor repositories.
package dcz
