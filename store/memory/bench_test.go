package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2"
	"github.com/seed5f5fedc6/oauth2/store/memory"
)

// A machine has one token, and an authorization that is refreshed over and over as many as it may.
func BenchmarkStore(b *testing.B) {
	now := time.UnixMilli(1_800_000_000_000).UTC()
	digest := "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
	for _, tokens := range []int{1, 20} {
		a := &oauth2.Authorization{
			ID: "AAAAAAAAAAAAAAAAAAAA", Version: 1, Format: 1, Issuer: "https://as.example", ClientID: "web", Subject: "alice",
			GrantType: oauth2.GrantAuthorizationCode, Scope: oauth2.Scope{"contacts.read"}, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
			EndsAt: now.Add(time.Hour), LineageKey: "AAAAAAAAAAAAAAAAAAAAAA", Refresh: &oauth2.RefreshToken{Digest: digest, ExpiresAt: now.Add(time.Hour)},
		}
		for range tokens {
			a.Access = append(a.Access, oauth2.AccessToken{Digest: digest, IssuedAt: now, ExpiresAt: now.Add(time.Hour)})
		}
		b.Run(fmt.Sprintf("get/tokens=%d", tokens), func(b *testing.B) {
			store := memory.New()
			require.NoError(b, store.Create(b.Context(), a))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := store.Get(b.Context(), a.ID); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("update/tokens=%d", tokens), func(b *testing.B) {
			store, next := memory.New(), a.Clone()
			require.NoError(b, store.Create(b.Context(), next))
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Update(b.Context(), next); err != nil {
					b.Fatal(err)
				}
				next.Version++
			}
		})
	}
}
