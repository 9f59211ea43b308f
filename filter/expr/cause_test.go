package expr

import "testing"

func TestEveryCauseHasAText(t *testing.T) {
	for c := internal; c < numCauses; c++ {
		if causes[c] == "" {
			t.Errorf("cause %d has no text", c)
		}
	}
}
