import Glibc

/// A file descriptor with one owner, closed when the owner goes.
struct OwnedDescriptor: ~Copyable, Sendable {
    let number: CInt

    init(_ number: CInt) { self.number = number }

    /// Hands the number to another owner, which must close it.
    consuming func release() -> CInt {
        let number = self.number
        discard self
        return number
    }

    deinit { close(number) }
}

/// The system's words for an errno value: "No space left on device".
public func systemText(_ errnoValue: CInt) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(errnoValue, &text, text.count) == 0 else { return "error \(errnoValue)" }
    return String(terminated: text)
}

extension String {
    /// The text in front of the first 0 byte.
    init(terminated text: [CChar]) {
        self = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
