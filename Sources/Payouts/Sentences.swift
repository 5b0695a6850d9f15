import BitcoinPrimitives

// What is wrong with a payout, for the operator: each is the second half of a sentence that began with the text, without
// a full stop. Nothing of a key is in them. People count characters and steps from 1.

extension AddressFault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .empty: "it is empty; write an address, or a descriptor such as wpkh(xpub.../0/*)"
        case .base58(let fault): sentence(fault, of: "address")
        case .bech32(let fault): sentence(fault)
        case .otherNetwork(let networks, let wanted):
            "it is an address of \(networks.spoken), and this is \(wanted.spoken); take one from a wallet of "
                + wanted.spoken
        case .version(let version):
            "it is of another coin or kind: its first byte is \(version), which no Bitcoin address has; write a "
                + "Bitcoin address"
        case .length(let count):
            "it holds \(count) bytes, and an address holds 21; copy the whole address, and nothing else"
        case .prefix(let prefix):
            "it begins with \(quoted(prefix + "1")), and Bitcoin's addresses with bc1, tb1 or bcrt1; write a Bitcoin "
                + "address"
        case .noWitnessVersion: "nothing stands between its 1 and its checksum; copy the whole address"
        case .witnessVersion(let version):
            "its witness version is \(version), and 16 is the highest; copy it again from the wallet"
        case .witnessLength(let version, let bytes):
            "it holds \(bytes) bytes, and an address of witness version \(version) holds "
                + "\(version == 0 ? "20 or 32" : "2 to 40"); copy it again from the wallet"
        case .padding: "it has bits left over at its end; copy it again from the wallet"
        case .variant(let variant, let version):
            "its checksum is \(variant.spoken), and witness version \(version) has "
                + "\(version == 0 ? Bech32.Variant.bech32.spoken : Bech32.Variant.bech32m.spoken): the wallet that "
                + "made it is too old or broken; take an address from another one"
        case .unknownWitness(let version, let bytes):
            "no rule protects money at witness version \(version) with \(bytes) bytes yet: anybody could take it; "
                + "write an address that begins with bc1q or bc1p (on other networks tb1 or bcrt1)"
        case .privateKey: secret
        case .extendedKey:
            "it is an extended public key, and says not what kind of address to make of it; write it in a descriptor, "
                + "such as wpkh(xpub.../0/*)"
        }
    }
}

extension DescriptorFault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .tooLong(let count):
            "it has \(count) characters, and \(PayoutDescriptor.maximumLength) are the most that are read; write one "
                + "address or descriptor"
        case .character(let scalar, let position):
            "character \(position + 1), \(quoted(scalar)), is in no descriptor; copy it again, or write it by hand"
        case .privateKey: secret
        case .form:
            "it is neither an address nor of the form name(...); write an address, or one of addr(...), raw(...), "
                + "pkh(...), wpkh(...) and tr(...)"
        case .unsupported(let name):
            "descriptors of the kind \(name)(...) are not supported; write addr(...) with an address of that wallet, or "
                + "one of raw(...), pkh(...), wpkh(...) and tr(...)"
        case .scriptTree:
            "a tr(...) with scripts beside its key is not supported; write addr(...) with an address of that wallet"
        case .checksumLength(let count):
            "after the # come \(count) characters, and a checksum has 8; copy the whole descriptor, or leave the # and "
                + "what follows out"
        case .checksum(let right):
            "what follows the # does not fit the rest; copy it again. If all before the # is right, write #\(right)"
        case .address(let fault): "\(fault)"
        case .rawScript:
            "raw(...) holds no script; write an even number of hexadecimal digits between the brackets"
        case .unspendable:
            "nobody could ever spend what is paid to this script; write one that does not begin with 6a (OP_RETURN)"
        case .key(let fault): "\(fault)"
        }
    }
}

extension KeyFault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .empty: "there is no key between the brackets; write a public key, or an xpub with its path"
        case .originBrackets:
            "the origin before the key needs one [ and one ], as in [d34db33f/84h/0h/0h]; correct it, or leave it out"
        case .originFingerprint:
            "the origin does not begin with 8 hexadecimal digits, as in [d34db33f/84h/0h/0h]; correct it, or leave it "
                + "out"
        case .originStep(let index):
            "step \(index + 1) of the origin in [...] is no number below 2147483648 with h or ' or nothing behind it; "
                + "correct it, or leave the origin out"
        case .length(let digits):
            "the key has \(digits) hexadecimal digits; a compressed key has 66, the x coordinate in tr(...) 64, and an "
                + "uncompressed key in pkh(...) 130"
        case .notAPoint: "the key is none: its digits are no point of the curve; copy it again"
        case .uncompressed:
            "the key is uncompressed, which only pkh(...) may have; write the compressed form, 66 digits from 02 or 03 "
                + "on"
        case .xOnly:
            "the key is an x coordinate, which only tr(...) may have; write all 66 digits, from 02 or 03 on"
        case .extendedKey(let fault): "\(fault)"
        case .otherNetwork(let networks, let wanted):
            "its key is of \(networks.spoken), and this is \(wanted.spoken); export the public key of a wallet of "
                + wanted.spoken
        case .stepsAfterFixedKey:
            "a path follows a single key; take the path away, or write the xpub that it belongs to"
        case .step(let index):
            "step \(index + 1) behind the xpub is neither a number below 2147483648 nor *; correct it"
        case .hardenedStep(let index):
            "step \(index + 1) behind the xpub is hardened (h or '), and only a private key goes there; let the wallet "
                + "export the public key after that step"
        case .wildcardNotLast(let index):
            "the * is step \(index + 1), and must be the last; write it at the end, as in xpub.../0/*"
        case .multipath:
            "<...;...> stands for addresses to receive and for change at once; write the path to receive, mostly /0/*"
        case .tooDeep(let depth):
            "the path leads \(depth) steps from the master key, and 255 are the most; shorten it"
        case .underivable(let index):
            "there is no key at step \(index + 1) behind the xpub (one number of 2^127 has none); write the next number"
        }
    }
}

extension ExtendedKeyFault: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .base58(let fault): sentence(fault, of: "key")
        case .length(let count):
            "the key holds \(count) bytes, and an xpub holds 78; write a public key in hexadecimal digits, or a whole "
                + "xpub"
        case .version(let version):
            "the key is of another kind than xpub and tpub (its first bytes are \(hex(version))); let the wallet export "
                + "it as xpub, and say the kind of address by pkh, wpkh or tr"
        case .masterWithParent:
            "the key calls itself a master key and names a parent, so it is damaged; export it again"
        case .notAPoint: "the key holds no point of the curve; export the public key again"
        }
    }
}

private let secret =
    "it looks like a private key or a recovery phrase, which has no place here and is not shown; write an address, or "
    + "a descriptor with the public key (xpub)"

private func sentence(_ fault: Base58Check.Fault, of what: String) -> String {
    switch fault {
    case .tooLong(let count):
        "the \(what) has \(count) characters, and \(Base58Check.maximumLength) are the most; copy it alone"
    case .tooShort(let bytes):
        "the \(what) is cut off: it holds \(bytes) \(bytes == 1 ? "byte" : "bytes") where even its checksum has 4; copy "
            + "the whole of it"
    case .character(let scalar, let position):
        "character \(position + 1) of the \(what), \(quoted(scalar)), cannot be there"
            + ("0OIl".unicodeScalars.contains(scalar) ? " (none has 0, O, I or l)" : "") + "; copy it again"
    case .checksum(let suspect?):
        "the checksum of the \(what) does not fit, and character \(suspect + 1) is the likely mistake; compare it with "
            + "the wallet"
    case .checksum(nil):
        "the checksum of the \(what) does not fit: characters are wrong, missing or exchanged; copy it again"
    }
}

private func sentence(_ fault: Bech32.Fault) -> String {
    switch fault {
    case .length(let count):
        "it has \(count) characters, and an address of its kind has 14 to 90; copy the whole address, and nothing else"
    case .character(let scalar, let position):
        "character \(position + 1), \(quoted(scalar)), cannot be there; compare it with the wallet"
    case .mixedCase(let position):
        "it mixes small and capital letters (character \(position + 1)); copy it again, in one case"
    case .noPrefix: "the 1 after its first letters is missing; copy the whole address"
    case .tooShort: "it ends before its checksum does; copy the whole address"
    case .checksum(let suspects):
        switch suspects.count {
        case 0: "its checksum does not fit: characters are wrong, missing or exchanged; copy it again"
        case 1:
            "its checksum does not fit, and character \(suspects[0] + 1) is the likely mistake; compare it with the "
                + "wallet"
        default:
            "its checksum does not fit, and characters \(suspects.map { "\($0 + 1)" }.joined(separator: " and ")) are "
                + "the likely mistakes; compare them with the wallet"
        }
    }
}

extension Bech32.Variant {
    fileprivate var spoken: String {
        switch self {
        case .bech32: "Bech32"
        case .bech32m: "Bech32m"
        }
    }
}

extension BitcoinNetwork {
    fileprivate var spoken: String {
        switch self {
        case .main: "mainnet"
        case .test: "testnet or signet"
        case .regtest: "regtest"
        }
    }
}

extension [BitcoinNetwork] {
    fileprivate var spoken: String {
        self == [.test, .regtest] ? "testnet, signet or regtest" : map(\.spoken).joined(separator: " or ")
    }
}

/// Printable ASCII between quotation marks; anything else by its number, so that it cannot play with a terminal.
private func quoted(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x20: "a space"
    case 0x21...0x7e: "\"\(scalar)\""
    default: "U+\(String(scalar.value, radix: 16, uppercase: true))"
    }
}

private func quoted(_ text: String) -> String { "\"\(text.prefix(20))\"" }

private func hex(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}
