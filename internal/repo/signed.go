package repo

import (
	"bytes"
	_ "crypto/sha1" // signatures of old archives
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// An OpenPGP signature carries the first two bytes of the hash that was signed
// (RFC 9580, section 5.2.3). Without any key they tell a text from another one:
// one altered text in 65,536 passes. They keep out accidents, not attackers.

const (
	beginMessage   = "-----BEGIN PGP SIGNED MESSAGE-----"
	beginSignature = "-----BEGIN PGP SIGNATURE-----"
	endSignature   = "-----END PGP SIGNATURE-----"
)

// maxSignatures bounds the work of hashing one text for each signature. Debian
// signs with three keys.
const maxSignatures = 32

// OpenClearsigned gives the text of a clear-signed message (an InRelease) whose
// signatures agree with it.
func OpenClearsigned(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(beginMessage)) {
		return nil, fmt.Errorf("%w: want %q, got %.40q", ErrFormat, beginMessage, data)
	}
	block, rest := clearsign.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%w: the signed message is damaged or cut off", ErrIncoherent)
	}
	sigs, err := readSignatures(nil, block.ArmoredSignature.Body)
	if err != nil {
		return nil, err
	}
	if sigs, err = readArmored(sigs, rest); err != nil {
		return nil, err
	}
	if len(sigs) == 0 {
		return nil, fmt.Errorf("%w: no signature in it", ErrFormat)
	}
	return block.Plaintext, checkTags(block.Bytes, sigs)
}

// CheckDetached compares a text (a Release, a repomd.xml) with the signatures beside
// it, armored or not.
func CheckDetached(text, signature []byte) error {
	binary := len(signature) > 0 && signature[0]&0x80 != 0
	var sigs []*packet.OpaquePacket
	var err error
	if binary {
		sigs, err = readSignatures(nil, bytes.NewReader(signature))
	} else {
		sigs, err = readArmored(nil, signature)
	}
	if err != nil {
		return err
	}
	if len(sigs) == 0 {
		return fmt.Errorf("%w: no signature in it: %.40q", ErrFormat, signature)
	}
	return checkTags(text, sigs)
}

// readArmored appends the signatures of all armored blocks in data: archives
// with several keys often write one block for each. Other text is refused.
func readArmored(sigs []*packet.OpaquePacket, data []byte) ([]*packet.OpaquePacket, error) {
	for {
		data = bytes.TrimSpace(data)
		if len(data) == 0 {
			return sigs, nil
		}
		end := bytes.Index(data, []byte(endSignature))
		if !bytes.HasPrefix(data, []byte(beginSignature)) {
			return nil, fmt.Errorf("%w: want %q, got %.40q", ErrFormat, beginSignature, data)
		}
		if end < 0 {
			return nil, fmt.Errorf("%w: a signature is cut off", ErrIncoherent)
		}
		end += len(endSignature)
		block, err := armor.Decode(bytes.NewReader(data[:end]))
		if err != nil {
			return nil, fmt.Errorf("%w: a damaged signature: %w", ErrIncoherent, err)
		}
		if sigs, err = readSignatures(sigs, block.Body); err != nil {
			return nil, err
		}
		data = data[end:]
	}
}

// The packet type of signatures, RFC 9580, section 5.
const signatureTag = 2

// readSignatures appends the signature packets in r.
func readSignatures(sigs []*packet.OpaquePacket, r io.Reader) ([]*packet.OpaquePacket, error) {
	packets := packet.NewOpaqueReader(r)
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			return sigs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: a damaged signature: %w", ErrIncoherent, err)
		}
		if p.Tag != signatureTag {
			continue
		}
		if len(sigs) == maxSignatures {
			return nil, fmt.Errorf("%w: more than %d signatures", ErrFormat, maxSignatures)
		}
		sigs = append(sigs, p)
	}
}

// checkTags compares text with the two bytes that each signature carries. A
// signature of a version or algorithm unknown here says nothing and is passed over.
func checkTags(text []byte, sigs []*packet.OpaquePacket) error {
	for _, opaque := range sigs {
		parsed, err := opaque.Parse()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: a signature is cut off", ErrIncoherent)
		}
		sig, ok := parsed.(*packet.Signature)
		if err != nil || !ok {
			continue
		}
		signed, err := sig.PrepareVerify()
		if err != nil {
			continue
		}
		var w hash.Hash
		switch sig.SigType {
		case packet.SigTypeBinary:
			w = signed
		case packet.SigTypeText:
			w = openpgp.NewCanonicalTextHash(signed)
		default:
			continue
		}
		w.Write(text)
		if err := packet.VerifyHashTag(signed, sig); err != nil {
			return fmt.Errorf("%w: the signature of %s was made for another text", ErrIncoherent, sig.CreationTime.UTC().Format("2006-01-02 15:04:05"))
		}
	}
	return nil
}
