package contacts

// A Contact is one entry of a user's address book.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Stats count what Xmail keeps. They tell of no user.
type Stats struct {
	Users    int `json:"users"`
	Contacts int `json:"contacts"`
}

var addressBooks = map[string][]Contact{
	"alice": {
		{"The Hatter", "hatter@teaparty.example"},
		{"March Hare", "hare@teaparty.example"},
		{"Cheshire Cat", "grin@duchess.example"},
	},
	"bob": {
		{"Wendy", "wendy@builders.example"},
		{"Farmer Pickles", "pickles@farm.example"},
	},
}

// welcome is the address book of a user who has not written one.
var welcome = []Contact{{"Xmail Support", "support@xmail.example"}}

// Of returns the address book of a user. It is not to be changed.
func Of(user string) []Contact {
	if book, ok := addressBooks[user]; ok {
		return book
	}
	return welcome
}

// CountAll counts everyone's.
func CountAll() Stats {
	stats := Stats{Users: len(addressBooks)}
	for _, book := range addressBooks {
		stats.Contacts += len(book)
	}
	return stats
}
