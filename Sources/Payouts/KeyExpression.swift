import BitcoinPrimitives

/// Why the key in a descriptor is none that we can pay to. Steps count from 0.
public enum KeyFault: Error, Hashable, Sendable {
    case empty
    /// `[` without `]`, or `]` without `[`.
    case originBrackets
    /// The origin does not begin with 8 hexadecimal digits.
    case originFingerprint
    /// A step of the origin is not a number below 2^31, maybe followed by `h` or `'`.
    case originStep(Int)
    /// Hexadecimal digits, but so many: a compressed key has 66, an x coordinate 64, an uncompressed key 130.
    case length(Int)
    /// Not a point of the curve.
    case notAPoint
    /// An uncompressed key where only `pkh` may have one.
    case uncompressed
    /// An x coordinate where only `tr` may have one.
    case xOnly
    /// Neither hexadecimal digits nor this:
    case extendedKey(ExtendedKeyFault)
    /// An extended key of these networks, and not of the one that is wanted.
    case otherNetwork([BitcoinNetwork], wanted: BitcoinNetwork)
    /// Steps after a key that is not extended.
    case stepsAfterFixedKey
    /// Not a number below 2^31, nor `*`.
    case step(Int)
    /// `h` or `'` after an extended public key: only a private key goes there. Export the public key of that
    /// step instead.
    case hardenedStep(Int)
    /// `*` is the last step or none.
    case wildcardNotLast(Int)
    /// `<0;1>`: the addresses for change among them are none to pay to.
    case multipath
    /// More than 255 steps from the master key.
    case tooDeep(Int)
    /// The key of that step does not exist (one of 2^127).
    case underivable(Int)
}

/// A key in a descriptor: fixed, or a family of keys with an index. Source: BIP 380.
struct KeyExpression: Hashable, Sendable {
    enum Key: Hashable, Sendable {
        /// 33 bytes compressed, 65 uncompressed, or an x coordinate of 32.
        case fixed([UInt8])
        /// The children of this key.
        case children(ExtendedPublicKey)
    }

    /// What the script around a key takes.
    struct Forms {
        var uncompressed = false
        var xOnly = false
    }

    let key: Key
    /// The key is one single key of an extended one: no `*` stands at the end of the path.
    let isOneOfMany: Bool

    init(_ text: Substring, on network: BitcoinNetwork, taking forms: Forms) throws(KeyFault) {
        let rest = try Self.afterOrigin(text)
        var steps = rest.split(separator: "/", omittingEmptySubsequences: false)
        let material = steps.removeFirst()
        guard !material.isEmpty else { throw .empty }
        if let bytes = [UInt8](hex: material) {
            let fixed = try Self.fixed(bytes, taking: forms)
            guard steps.isEmpty else { throw .stepsAfterFixedKey }
            key = .fixed(fixed)
            isOneOfMany = false
        } else if material.allSatisfy(\.isHexDigit) {
            throw .length(material.count)
        } else {
            key = try Self.derived(String(material), steps, on: network)
            isOneOfMany = steps.last != "*"
        }
    }

    /// What follows the origin, whose form is checked and whose content nobody needs who only pays.
    private static func afterOrigin(_ text: Substring) throws(KeyFault) -> Substring {
        guard text.first == "[" else {
            guard !text.contains("]"), !text.contains("[") else { throw .originBrackets }
            return text
        }
        guard let end = text.firstIndex(of: "]") else { throw .originBrackets }
        let parts = text[text.index(after: text.startIndex)..<end]
            .split(separator: "/", omittingEmptySubsequences: false)
        guard parts[0].count == 8, [UInt8](hex: parts[0]) != nil else { throw .originFingerprint }
        for (index, part) in parts.dropFirst().enumerated() {
            let number = part.last == "h" || part.last == "'" ? part.dropLast() : part
            guard stepNumber(number) != nil else { throw .originStep(index) }
        }
        let rest = text[text.index(after: end)...]
        guard !rest.contains("["), !rest.contains("]") else { throw .originBrackets }
        return rest
    }

    private static func fixed(_ bytes: [UInt8], taking forms: Forms) throws(KeyFault) -> [UInt8] {
        switch bytes.count {
        case 32:
            guard forms.xOnly else { throw .xOnly }
            guard Curve.isXOnly(bytes) else { throw .notAPoint }
        case 33:
            guard Curve.compressed(bytes) != nil else { throw .notAPoint }
        case 65:
            guard forms.uncompressed else { throw .uncompressed }
            guard Curve.compressed(bytes) != nil else { throw .notAPoint }
        default:
            throw .length(2 * bytes.count)
        }
        return bytes
    }

    private static func derived(
        _ text: String, _ steps: [Substring], on network: BitcoinNetwork
    ) throws(KeyFault) -> Key {
        var key: ExtendedPublicKey
        do throws(ExtendedKeyFault) {
            key = try ExtendedPublicKey(text)
        } catch {
            throw .extendedKey(error)
        }
        guard key.networks.contains(network) else { throw .otherNetwork(key.networks, wanted: network) }
        let depth = Int(key.depth) + steps.count
        guard depth <= 255 else { throw .tooDeep(depth) }
        for (index, step) in steps.enumerated() {
            guard !step.contains("<") else { throw .multipath }
            guard step.last != "h", step.last != "'" else { throw .hardenedStep(index) }
            if step == "*" {
                guard index == steps.count - 1 else { throw .wildcardNotLast(index) }
                return .children(key)
            }
            guard let number = stepNumber(step) else { throw .step(index) }
            guard let child = key.child(number) else { throw .underivable(index) }
            key = child
        }
        return .fixed(key.point)
    }

    /// A decimal number below 2^31, of at most ten digits.
    private static func stepNumber(_ text: Substring) -> UInt32? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ 48...57 ~= $0 }),
            let number = UInt32(text), number < ExtendedPublicKey.firstHardened
        else { return nil }
        return number
    }
}
