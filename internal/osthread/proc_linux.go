package osthread

import "syscall"

// readInto reads the beginning of a small file of /proc, and returns what there is of it.
// That takes some microseconds, and doesn't wait as reading from other files may.
func readInto(buf []byte, name string) ([]byte, error) {
	fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n, err := syscall.Read(fd, buf)
	syscall.Close(fd)
	return buf[:max(n, 0)], err
}
