import BitcoinPrimitives

/// Why a text is no descriptor that we can pay to. No case holds any of a key.
public enum DescriptorFault: Error, Hashable, Sendable {
    /// More characters than ``PayoutDescriptor/maximumLength``.
    case tooLong(Int)
    /// Outside of the characters that descriptors have. Positions count from 0.
    case character(Unicode.Scalar, at: Int)
    /// Looks like it holds a private key. It is not repeated anywhere.
    case privateKey
    /// Not of the form `name(…)`.
    case form
    /// A descriptor of another kind than `addr`, `raw`, `pkh`, `wpkh` and `tr`: its name.
    case unsupported(String)
    /// `tr` with scripts beside its key.
    case scriptTree
    /// After the `#` come so many characters instead of eight.
    case checksumLength(Int)
    /// What follows the `#` does not fit. `right` would fit the text as it stands: it proves nothing when the
    /// text is what was mistyped.
    case checksum(right: String)
    case address(AddressFault)
    /// `raw` of something that is not an even number of hexadecimal digits, or of nothing.
    case rawScript
    /// A script that nobody can ever spend.
    case unspendable
    case key(KeyFault)
}

/// Where a payout goes, as wallets export it: `addr`, `raw`, `pkh`, `wpkh` or `tr`. Source: BIP 380 to 382, 385, 386.
///
/// A descriptor that ends with `/*` stands for many scripts, one an index; see ``PayoutIndex``.
public struct PayoutDescriptor: Hashable, Sendable {
    private enum Form: Hashable, Sendable {
        case script([UInt8])
        case pkh(KeyExpression)
        case wpkh(KeyExpression)
        case tr(KeyExpression)
    }

    /// A bound for what is looked at; a bare multisignature of three uncompressed keys has 410 characters.
    public static let maximumLength = 1_024

    private let form: Form
    /// As it was given, without the checksum.
    private let body: String
    /// The right checksum: eight characters.
    public let checksum: String
    /// Whether the text came with it. When not, the owner is best shown ``text`` to compare and keep.
    public let hadChecksum: Bool
    public let network: BitcoinNetwork

    /// Reads a descriptor, whose keys and addresses must be of `network`. A checksum is verified when it is
    /// there. White space around the text is the caller's to remove.
    ///
    /// - Parameter allowingUnknownWitness: as in ``PayoutAddress/init(_:allowingUnknownWitness:)``.
    public init(
        _ text: String, on network: BitcoinNetwork, allowingUnknownWitness: Bool = false
    ) throws(DescriptorFault) {
        let length = text.unicodeScalars.count
        guard length <= Self.maximumLength else { throw .tooLong(length) }
        guard !PrivateKeyText.isPresent(in: text) else { throw .privateKey }
        if let (scalar, position) = DescriptorChecksum.badCharacter(in: text) {
            throw .character(scalar, at: position)
        }
        let hash = text.firstIndex(of: "#")
        let body = text[..<(hash ?? text.endIndex)]
        checksum = DescriptorChecksum.of(body)
        hadChecksum = hash != nil
        if let hash {
            let given = text[text.index(after: hash)...]
            guard given.count == 8 else { throw .checksumLength(given.count) }
            guard given == checksum else { throw .checksum(right: checksum) }
        }
        self.body = String(body)
        self.network = network
        form = try Self.form(of: body, on: network, allowingUnknownWitness: allowingUnknownWitness)
    }

    /// Reads what a configuration may name as a payout: a descriptor, or an address alone.
    public init(
        addressOrDescriptor text: String, on network: BitcoinNetwork, allowingUnknownWitness: Bool = false
    ) throws(DescriptorFault) {
        var descriptor = text
        if !text.contains("(") {
            do throws(AddressFault) {
                let address = try PayoutAddress(
                    text, on: network, allowingUnknownWitness: allowingUnknownWitness)
                descriptor = "addr(\(address.text))"
            } catch {
                throw .address(error)
            }
        }
        try self.init(descriptor, on: network, allowingUnknownWitness: allowingUnknownWitness)
    }

    /// With its checksum.
    public var text: String { "\(body)#\(checksum)" }

    /// Whether it stands for a script for each index.
    public var isRanged: Bool {
        switch form {
        case .script: false
        case .pkh(let expression), .wpkh(let expression), .tr(let expression):
            switch expression.key {
            case .fixed: false
            case .children: true
            }
        }
    }

    /// Whether it names an extended key and no `*` behind it: then each block pays the same one of its keys,
    /// which most wallets do not look for unless told to. What was meant was mostly `/0/*`.
    public var isExtendedKeyWithoutIndex: Bool {
        switch form {
        case .script: false
        case .pkh(let expression), .wpkh(let expression), .tr(let expression): expression.isOneOfMany
        }
    }

    /// The output script; `nil` for one of 2^127 indexes that have none.
    ///
    /// - Parameter index: below 2^31, anything else is a wrong call; without influence when the descriptor is
    ///   not ranged.
    public func script(at index: UInt32 = 0) -> [UInt8]? {
        switch form {
        case .script(let script):
            return script
        case .pkh(let expression):
            return expression.point(at: index).map { [0x76, 0xa9, 20] + hash160($0) + [0x88, 0xac] }
        case .wpkh(let expression):
            return expression.point(at: index).map { [0x00, 20] + hash160($0) }
        case .tr(let expression):
            guard let point = expression.point(at: index),
                let output = Curve.taprootOutput(internalKey: [UInt8](point.suffix(32)))
            else { return nil }
            return [0x51, 32] + output
        }
    }

    private static func form(
        of body: Substring, on network: BitcoinNetwork, allowingUnknownWitness: Bool
    ) throws(DescriptorFault) -> Form {
        guard let open = body.firstIndex(of: "("), body.last == ")" else { throw .form }
        let name = body[..<open]
        // A name is short and of small letters; anything else is not repeated.
        guard (1...16).contains(name.count), name.allSatisfy({ "a"..."z" ~= $0 || $0 == "_" }) else {
            throw .form
        }
        let argument = body[body.index(after: open)...].dropLast()
        func key(_ forms: KeyExpression.Forms) throws(DescriptorFault) -> KeyExpression {
            do throws(KeyFault) {
                return try KeyExpression(argument, on: network, taking: forms)
            } catch {
                throw .key(error)
            }
        }
        switch name {
        case "addr":
            do throws(AddressFault) {
                let address = try PayoutAddress(
                    String(argument), on: network, allowingUnknownWitness: allowingUnknownWitness)
                return .script(address.script)
            } catch {
                throw .address(error)
            }
        case "raw":
            guard let script = [UInt8](hex: argument), !script.isEmpty else { throw .rawScript }
            guard !Script.isUnspendable(script) else { throw .unspendable }
            return .script(script)
        case "pkh": return .pkh(try key(.init(uncompressed: true)))
        case "wpkh": return .wpkh(try key(.init()))
        case "tr":
            guard !argument.contains(",") else { throw .scriptTree }
            return .tr(try key(.init(xOnly: true)))
        default: throw .unsupported(String(name))
        }
    }
}

extension KeyExpression {
    /// The bytes of the key with that index; `nil` where there is none.
    fileprivate func point(at index: UInt32) -> [UInt8]? {
        switch key {
        case .fixed(let bytes): bytes
        case .children(let parent): parent.child(index)?.point
        }
    }
}
