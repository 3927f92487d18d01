package mirrorlist

import (
	"fmt"
	"strings"
)

// askMost bounds a question's parameters, in bytes; dnf's have about 60.
const askMost = 1 << 10

// Question is what remains of a list's URL without its host: which list a client
// means who asks mirrord for it.
type Question struct {
	Kind  Kind // the form of the answer
	rest  string
	query map[string]string
	asked string
}

// IsQuestion reports a clean path, without a leading slash, that asks for a list.
func IsQuestion(path string) bool {
	word, _, _ := strings.Cut(path, "/")
	return Kind(word) == Metalink || Kind(word) == Mirrorlist
}

// ParseQuestion reads a request's clean path, which begins with the word for the form
// of the answer, and its parameters.
func ParseQuestion(path, query string) (q Question, ok bool) {
	if !IsQuestion(path) || len(query) > askMost {
		return Question{}, false
	}
	word, rest, _ := strings.Cut(path, "/")
	q = Question{Kind: Kind(word), rest: rest, query: parameters(query), asked: path}
	if query != "" {
		q.asked += "?" + query
	}
	return q, true
}

// String is the question, quoted and held to a line.
func (q Question) String() string { return fmt.Sprintf("%q", short(q.asked)) }

// Answers is where in the tree the repository stands whose list is asked for. What the
// list's URL does not say of it ($basearch) stays a variable.
func (t Template) Answers(q Question) (place string, ok bool) {
	rest, query := t.told()
	vars := map[string]string{}
	if !matchPath(rest, q.rest, vars) || !matchQuery(query, q.query, vars) || !plain(vars) {
		return "", false
	}
	return Expand(t.Path, vars), true
}

// Single reports a list whose URL tells it apart from no other: any question means it.
func (t Template) Single() bool {
	rest, query := t.told()
	return rest == "" && len(query) == 0
}

// told is what of the list's URL tells it apart from others of its host.
func (t Template) told() (rest string, query map[string]string) {
	place, query := cutURL(t.URL)
	all := elements(place)
	for i := len(all) - 1; i > 0; i-- {
		if Kind(all[i]) == Metalink || Kind(all[i]) == Mirrorlist {
			return strings.Join(all[i+1:], "/"), query
		}
	}
	return "", query
}

// Repomd is the path of the repomd.xml of the repository that stands at place.
func Repomd(place string) string { return strings.TrimPrefix(place+repomd, "/") }
