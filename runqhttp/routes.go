package runqhttp

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/runq-go/runq"
)

// RouteConfig says which requests are handled in which class.
type RouteConfig struct {
	// Classes has the name of a class for each pattern that is to have one.
	Classes map[string]string

	// Default is the name of the class of all other requests. "" means none: they are
	// handled on the goroutine of their connection, as without runq.
	Default string

	// Pattern returns the pattern that a request belongs to. nil means that the handler
	// must be an *http.ServeMux, and the patterns are those that it has.
	Pattern func(*http.Request) string
}

// Routes returns a handler that handles each request by h, in a task of the class that
// its route has; see Handler. s is whose classes they are, nil means runq.Default(). h
// must not be nil.
//
// It is an error, which names all that is wrong, if a class doesn't exist, if cfg.Pattern
// is nil and h is no *http.ServeMux, and if h is one that doesn't have one of the
// patterns: so patterns are to be registered before, in the same spelling. An
// *http.ServeMux is asked twice about every request, once for the pattern.
func Routes(s *runq.Scheduler, h http.Handler, cfg RouteConfig) (http.Handler, error) {
	if s == nil {
		s = runq.Default()
	}
	if h == nil {
		return nil, errors.New("runqhttp: Routes: the handler is nil")
	}
	rs := &routes{pattern: cfg.Pattern, of: make(map[string]http.Handler), rest: h}
	check := func(string) error { return nil }
	if cfg.Pattern == nil {
		mux, ok := h.(*http.ServeMux)
		if !ok {
			return nil, fmt.Errorf("runqhttp: Routes: the handler is a %T: RouteConfig.Pattern must say which pattern a request belongs to, or the handler be an *http.ServeMux", h)
		}
		rs.pattern = func(r *http.Request) string {
			_, pattern := mux.Handler(r)
			return pattern
		}
		check = func(pattern string) error { return registered(mux, pattern) }
	}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(cfg.Classes)) {
		c, err := s.LookupClass(cfg.Classes[pattern])
		if err = errors.Join(check(pattern), err); err != nil {
			errs = append(errs, fmt.Errorf("runqhttp: Routes: pattern %q: %w", pattern, err))
			continue
		}
		rs.of[pattern] = newHandler(c, h, pattern)
	}
	if cfg.Default != "" {
		c, err := s.LookupClass(cfg.Default)
		if err != nil {
			errs = append(errs, fmt.Errorf("runqhttp: Routes: RouteConfig.Default: %w", err))
		} else {
			rs.rest = newHandler(c, h, "")
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return rs, nil
}

// routes is what Routes returns.
type routes struct {
	pattern func(*http.Request) string
	of      map[string]http.Handler // by pattern
	rest    http.Handler
}

// ServeHTTP implements http.Handler.
func (rs *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := rs.of[rs.pattern(r)]
	if h == nil {
		h = rs.rest
	}
	h.ServeHTTP(w, r)
}

// registered tells whether mux has the pattern. A mux can't be asked for its patterns, so
// it is asked about a request that matches this one and no other.
func registered(mux *http.ServeMux, pattern string) error {
	if pattern == "" {
		return errors.New("it is empty: for the requests that no pattern matches, set RouteConfig.Default")
	}
	if _, found := mux.Handler(sample(pattern)); found != pattern {
		return errors.New("the mux has no such pattern: register it before, in the same spelling")
	}
	return nil
}

const (
	// nobody is the method, and each variable part of the path, of a sample request: what
	// no pattern says literally.
	nobody = "-runqhttp-"

	// deep is how many parts a sample has where a pattern allows any number: more than
	// any other pattern has variables.
	deep = 32
)

// sample makes a request that the pattern matches, and none that is more specific.
func sample(pattern string) *http.Request {
	method, rest := nobody, pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method, rest = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	host, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i+1:]
	}
	var concrete strings.Builder
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "{$}":
			concrete.WriteString("/")
		case part == "" || strings.HasSuffix(part, "...}"):
			concrete.WriteString(strings.Repeat("/"+nobody, deep))
		case strings.HasPrefix(part, "{"):
			concrete.WriteString("/" + nobody)
		default:
			concrete.WriteString("/" + part)
		}
	}
	u, err := url.ParseRequestURI(concrete.String())
	if err != nil {
		u = &url.URL{Path: concrete.String()} // a mux doesn't take such a pattern either
	}
	return &http.Request{Method: method, Host: host, URL: u}
}
