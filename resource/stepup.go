package resource

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed5f5fedc6/oauth2"
)

// An Authentication is how the resource owner must have been authenticated for a request (RFC 9470).
// The zero value asks for nothing.
type Authentication struct {
	// ACRValues are the authentication context class references that will do, the best first. nil means
	// any, and a token that names none.
	ACRValues []string
	// MaxAge is the longest time since the resource owner was authenticated, in whole seconds. 0 means
	// no limit; a negative value refuses every token.
	MaxAge time.Duration
}

// RequireAuthentication is [Guard.Require] for what only a resource owner may do who was authenticated
// well enough, and not too long ago. A token that tells less is refused, after all other checks, with
// 401 insufficient_user_authentication and the wishes of need: a client asks its authorization server
// for a better token with them, as acr_values and max_age (RFC 9470 sections 3 and 4).
func (g *Guard) RequireAuthentication(need Authentication, scopes ...string) func(http.Handler) http.Handler {
	return g.require(requirement{scope: slices.Clone(oauth2.Scope(scopes)), authentication: Authentication{
		ACRValues: slices.Clone(need.ACRValues), MaxAge: need.MaxAge,
	}})
}

// errAuthentication is RFC 9470 section 3's refusal.
var errAuthentication = &oauth2.Error{
	Code: "insufficient_user_authentication", Status: http.StatusUnauthorized,
	Description: "The resource owner was not authenticated in the way, or as recently, as is needed.",
}

// metBy reports whether a token tells of such an authentication (RFC 9470 section 6). What it does not
// tell is not met.
func (need Authentication) metBy(info *oauth2.TokenInfo, now time.Time) bool {
	switch {
	case len(need.ACRValues) > 0 && !slices.Contains(need.ACRValues, info.ACR):
		return false
	case need.MaxAge != 0 && (need.MaxAge < 0 || info.AuthTime.IsZero() || now.Sub(info.AuthTime) > need.MaxAge):
		return false
	}
	return true
}

// acrValues and maxAge are the parameters of a challenge (RFC 9470 section 3), "" where there is no wish.
func (need Authentication) acrValues() string { return strings.Join(need.ACRValues, " ") }

func (need Authentication) maxAge() string {
	if need.MaxAge == 0 {
		return ""
	}
	return strconv.FormatInt(int64(max(need.MaxAge, 0)/time.Second), 10)
}
