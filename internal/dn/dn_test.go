package dn_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed5f5fedc6/oauth2/internal/dn"
)

// der encodes a name, each relative name of one attribute or more.
func der(t testing.TB, sequence ...[]pkix.AttributeTypeAndValue) []byte {
	var name pkix.RDNSequence
	for _, set := range sequence {
		name = append(name, set)
	}
	text, err := asn1.Marshal(name)
	require.NoError(t, err)
	return text
}

func is(value string, oid ...int) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: oid, Value: value}
}

type set = []pkix.AttributeTypeAndValue

func TestANameMatchesWhatRFC4514WritesOfIt(t *testing.T) {
	t.Parallel()
	certificate, err := dn.FromDER(der(t,
		set{is("NL", 2, 5, 4, 6)}, set{is("Example, Inc. + \"sons\" #1\\2", 2, 5, 4, 10)}, set{is("Zoë ", 2, 5, 4, 3)},
		set{is("a", 2, 5, 4, 11), is("7", 2, 5, 4, 5)}, set{is("x", 1, 2, 3, 4)},
	))
	require.NoError(t, err)
	const good = `1.2.3.4=x,OU=a+serialNumber=7,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`
	for text, matches := range map[string]bool{
		good: true,
		`1.2.3.4=x,SERIALNUMBER=7+OU=a,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                           true,
		`1.2.3.4 = x , ou = a + serialnumber = 7 , cn=Zo\C3\AB\20, o=Example\2C Inc. \2b \22sons\22 \231\5C2, c=NL`: true,
		`1.2.3.4=#130178,OU=a+serialNumber=7,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                     true,
		`1.2.3.4=#0C0178,OU=a+serialNumber=7,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                     false,
		`1.2.3.4=x,OU=a+serialNumber=7,CN=Zoë,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                             false,
		`1.2.3.4=x,OU=a+serialNumber=7,CN=zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                           false,
		`1.2.3.4=x,OU=a,serialNumber=7,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                           false,
		`C=NL,O=Example\, Inc. \+ \"sons\" \#1\\2,CN=Zoë\ ,OU=a+serialNumber=7,1.2.3.4=x`:                           false,
		`OU=a+serialNumber=7,CN=Zoë\ ,O=Example\, Inc. \+ \"sons\" \#1\\2,C=NL`:                                     false,
		`CN=Zoë\ `: false,
	} {
		written, err := dn.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, matches, certificate.Matches(written), text)
	}
}

func TestWhatIsNoNameIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "CN", "=x", "CN=", "CN=a,", ",CN=a", "CN=a+", "CN=a,,O=b", "CN=a;O=b", `CN="a"`, `CN=a\`, `CN=a\g`, `CN=\ff`, "CN=#", "CN=#0", "CN=#xy",
		"XYZ=a", "1=a", "1..2=a", "01.2=a", "1.2.=a", "CN=a\x00", "CN=\xff", "CN=a+CN=b", "1.99999999999=a",
	} {
		_, err := dn.Parse(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range []string{"", "0", "\x30\x02\x31\x01"} {
		_, err := dn.FromDER([]byte(text))
		require.Error(t, err, "%x", text)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"CN=a", `CN=a\, b+OU=c , O = d`, "1.2.3=#0403616263", `CN=\C3\AB`, "CN=a,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := dn.Parse(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, name)
		require.False(t, dn.Name(nil).Matches(name))
	})
}
