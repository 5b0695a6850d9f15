import BitcoinPrimitives
public import Payouts
public import PolicyFiles
public import TemplateSources

/// What the commands about templates are asked.
public struct TemplateRequest: Hashable, Sendable {
    /// A file, see ``TemplateSource``, or an address that was opened before.
    public var source: String
    /// A policy file; see ``PolicyFile``.
    public var policy: String?
    /// An address or descriptor that the block pays to.
    public var payout: String?
    /// Weight units that are not for transactions, counted as a node counts its `-blockreservedweight`: transactions
    /// stay below what it leaves, and their sigop cost below 79,600 (templates.md §1). Without it the header, the
    /// count and the coinbase get exactly what they need.
    public var reserve: UInt64?
    /// The network of payouts and of addresses in the policy, where the source does not tell or is not believed.
    public var network: BitcoinNetwork?

    public init(
        source: String, policy: String? = nil, payout: String? = nil, reserve: UInt64? = nil,
        network: BitcoinNetwork? = nil
    ) {
        self.source = source
        self.policy = policy
        self.payout = payout
        self.reserve = reserve
        self.network = network
    }
}

/// Why a command about templates has no answer.
public enum TemplateCommandFault: Error, Hashable, Sendable {
    case source(SourceFault)
    /// What is wrong with a source that is no file, as a sentence; whether it was asked for wrongly.
    case live(String, isUsage: Bool)
    /// The address is no node's, and only nodes tell all along what they have.
    case notWatched(String)
    /// The address is a template provider's, whose template is used whole.
    case nothingToChoose(String)
    case policy(PolicyFileFault)
    /// The payout as it was given.
    case payout(String, DescriptorFault)
    /// A block needs so many weight units beside its transactions.
    case reserveTooSmall(UInt64, needed: UInt64)
    case reserveTooLarge(UInt64)
    /// Not 64 hexadecimal digits.
    case notAnID(String)
    /// The coinbase that this payout and tip need cannot be made; what is wrong with it.
    case coinbase(String)

    /// What the program ends with: 64 for wrong usage, 78 for a wrong configuration, 1 for anything else
    /// (`sysexits.h`).
    public var exitStatus: Int32 {
        switch self {
        case .source, .coinbase, .live(_, isUsage: false): 1
        case .policy: 78
        case .payout, .reserveTooSmall, .reserveTooLarge, .notAnID, .notWatched, .nothingToChoose,
            .live(_, isUsage: true):
            64
        }
    }
}

extension TemplateCommandFault: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String {
        switch self {
        case .source(let fault): "\(fault)"
        case .live(let sentence, _): sentence
        case .notWatched(let source):
            "\(source) is no node, and only nodes tell all along what they have. Use adit template build for it, or "
                + "give a node: http://USER:PASSWORD@HOST:PORT, or node:."
        case .nothingToChoose(let source):
            "\(source) is a template provider: it gives a finished template and does not tell what each transaction "
                + "pays, so there is nothing to choose or to compare. Use adit template build for it, or give a node."
        case .policy(let fault): "\(fault)"
        case .payout(let text, let fault):
            "--payout \(PayoutWords.shown(text, fault)): \(fault)."
        case .reserveTooSmall(let reserve, let needed):
            "--reserve \(reserve): header, count and coinbase of this block take \(needed) weight units. Give it at "
                + "least that, or leave it out."
        case .reserveTooLarge(let reserve):
            "--reserve \(reserve): a block has 4000000 weight units. Give it less."
        case .notAnID(let text):
            "\"\(text.prefix(100))\" is no transaction id. Give it 64 hexadecimal digits, as explorers print them."
        case .coinbase(let problem): "no coinbase can be made: \(problem)."
        }
    }
}

/// Sentences about payouts.
enum PayoutWords {
    /// The text, unless it may hold a secret; what could play with a terminal is left out.
    static func shown(_ text: String, _ fault: DescriptorFault) -> String {
        switch fault {
        case .privateKey, .address(.privateKey): "(not shown)"
        case .tooLong, .character, .form, .unsupported, .scriptTree, .checksumLength, .checksum, .address,
            .rawScript,
            .unspendable, .key:
            "\"\(printable(text.prefix(120)))\""
        }
    }

    /// What a template pays, which is the first of a descriptor's scripts.
    static func line(_ payout: PayoutIndex) -> String {
        let descriptor = payout.descriptor
        let address = PayoutAddress(script: payout.script, on: descriptor.network)?.text ?? payout.script.hex
        return "payout          \(address)"
            + (descriptor.isRanged ? ", index \(payout.current) of \(descriptor.text)" : "")
    }

    static func warning(_ descriptor: PayoutDescriptor) -> String? {
        guard descriptor.isExtendedKeyWithoutIndex else { return nil }
        return
            "--payout names an extended key without /* at its end: every block pays one and the same of its keys, "
            + "which most wallets do not look for. Write the path to receive, mostly /0/*."
    }

    private static func printable(_ text: Substring) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter {
                    switch $0.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: false
                    default: true
                    }
                }))
    }
}
