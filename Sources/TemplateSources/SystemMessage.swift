import Glibc

/// What the system calls an `errno`; this program is one thread while it opens files.
func systemMessage(_ errno: Int32) -> String {
    guard let text = strerror(errno) else { return "error \(errno)" }
    return String(cString: text)
}
