package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nod-auth/nod/mobile/keystore"
)

// maxLine bounds a line of input.
const maxLine = 4 << 10

// lines hands over standard input line by line, until it ends or done closes.
func lines(in io.Reader, done <-chan struct{}) <-chan string {
	out := make(chan string)
	go func() { // ends with the program if nobody types: a read cannot be interrupted
		defer close(out)
		s := bufio.NewScanner(in)
		s.Buffer(make([]byte, 0, maxLine), maxLine)
		for s.Scan() {
			select {
			case out <- strings.TrimSpace(s.Text()):
			case <-done:
				return
			}
		}
	}()
	return out
}

var errNoTerminal = fmt.Errorf("%w: there is no terminal to ask in; use --pin-file or NODSIM_PIN", keystore.ErrPINRequired)

// askHidden asks for a secret in the terminal.
func (a *app) askHidden(question string) ([]byte, error) {
	f, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(f) {
		return nil, errNoTerminal
	}
	a.out.say("%s ", question)
	restore, err := hideTyping(f)
	if err != nil {
		return nil, err
	}
	defer a.out.say("\n")
	defer restore()
	line, err := readLine(f)
	return []byte(line), err
}

// ask asks a question in the terminal.
func (a *app) ask(question string) (string, error) {
	a.out.say("%s ", question)
	return readLine(a.stdin)
}

// readLine reads byte by byte, so that nothing of the next line is lost to a buffer.
func readLine(in io.Reader) (string, error) {
	var line []byte
	b := make([]byte, 1)
	for len(line) < maxLine {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			if len(line) > 0 && errors.Is(err, io.EOF) {
				return string(line), nil
			}
			return "", err
		}
	}
	return "", errors.New("the line is too long")
}
