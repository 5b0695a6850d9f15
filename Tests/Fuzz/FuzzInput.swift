// What the fuzz entries of cores have in common: an input that is read from its front, and an owner's timers.

import Units

/// An input of the fuzzer, read from its front. Behind its end stand zeros.
struct FuzzInput {
    private let content: [UInt8]
    private var position = 0

    init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        content = Array(UnsafeBufferPointer(start: start, count: count))
    }

    var isOver: Bool { position >= content.count }

    mutating func byte() -> UInt8 {
        guard position < content.count else { return 0 }
        defer { position += 1 }
        return content[position]
    }

    /// - Parameter bound: 1 to 256.
    mutating func below(_ bound: Int) -> Int { Int(byte()) % bound }

    /// Small most of the time, so that ids meet; else anything.
    mutating func id() -> UInt32 {
        let first = byte()
        return first < 0xC0 ? UInt32(first % 8) : word()
    }

    mutating func word() -> UInt32 { (0..<4).reduce(0) { word, _ in word << 8 | UInt32(byte()) } }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in byte() } }

    mutating func pick<Element>(_ list: [Element]) -> Element? {
        list.isEmpty ? nil : list[below(min(list.count, 256))]
    }
}

/// The wakes that a core asked for and has not had yet, as its owner keeps them.
struct Timers {
    private(set) var wanted: [Instant] = []

    mutating func want(_ instant: Instant) {
        guard !wanted.contains(instant) else { return }
        wanted.append(instant)
        precondition(wanted.count < 4_096, "timers do not pile up")
    }

    var first: Instant? { wanted.min() }

    /// Takes what is due. Returns whether there was any.
    mutating func fire(at now: Instant) -> Bool {
        let before = wanted.count
        wanted.removeAll { $0 <= now }
        return wanted.count < before
    }
}
