package oci

import "encoding/json"

// Code is what a client may act on, as the specification spells it.
type Code string

// The codes of the specification, and one of the reference implementation's
// (PAGINATION_NUMBER_INVALID) that it lacks.
const (
	CodeBlobUnknown             Code = "BLOB_UNKNOWN"
	CodeDigestInvalid           Code = "DIGEST_INVALID"
	CodeManifestUnknown         Code = "MANIFEST_UNKNOWN"
	CodeNameInvalid             Code = "NAME_INVALID"
	CodeNameUnknown             Code = "NAME_UNKNOWN"
	CodeUnauthorized            Code = "UNAUTHORIZED"
	CodeDenied                  Code = "DENIED"
	CodeUnsupported             Code = "UNSUPPORTED"
	CodeTooManyRequests         Code = "TOOMANYREQUESTS"
	CodePaginationNumberInvalid Code = "PAGINATION_NUMBER_INVALID"
	CodeUnknown                 Code = "UNKNOWN"
	// CodeUnavailable goes with 502, 503 and 504, which the specification leaves
	// without a code.
	CodeUnavailable Code = "UNAVAILABLE"
)

// Error is an answer that a client of a registry understands.
type Error struct {
	Code    Code
	Status  int // HTTP
	Message string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

type jsonError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

type jsonErrors struct {
	Errors []jsonError `json:"errors"`
}

// JSON is the body of the answer.
func (e *Error) JSON() []byte {
	text, _ := json.Marshal(jsonErrors{[]jsonError{{e.Code, e.Message}}}) // strings always have a JSON form
	return text
}
