/// How much a value remembers, seen from outside: whatever grows without a bound shows, whoever forgot it.
enum NegotiationFootprint {
    /// Bytes of byte strings, and leaves of everything else.
    static func count(_ value: Any) -> Int {
        if let bytes = value as? [UInt8] { return bytes.count }
        let mirror = Mirror(reflecting: value)
        guard !mirror.children.isEmpty else { return 1 }
        return mirror.children.reduce(0) { $0 + count($1.value) }
    }
}
