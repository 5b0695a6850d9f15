public import BitcoinPrimitives

/// What the coinbase of our blocks shall contain, apart from what follows from height, fees and transactions.
public struct CoinbasePlan: Hashable, Sendable {
    /// Who gets subsidy and fees.
    public enum Reward: Hashable, Sendable {
        /// What a pool asks for (`coinbase_tx_outputs`), in its order. The first output receives all that the
        /// others leave; its value here is not looked at (SV2 pools send zeros). The others keep theirs.
        case pool([TransactionOutput])
        /// Our own payouts by share, of what the fixed outputs leave. Those follow them and keep their values.
        case split(PayoutSplit, fixed: [TransactionOutput] = [])
    }

    public var reward: Reward
    /// Bytes that name us or the pool, put before the extranonce.
    public var tag: [UInt8]
    /// Bytes of the whole extranonce: the upstream's prefix and the part that is rolled.
    public var extranonceSize: Int
    /// Plans whose coinbases have to fit in the place of this one, ``Proposal/remade(for:)``. One that makes no coinbase
    /// takes no room.
    public var alternatives: [CoinbasePlan] = []

    public init(reward: Reward, tag: [UInt8], extranonceSize: Int) {
        self.reward = reward
        self.tag = tag
        self.extranonceSize = extranonceSize
    }

    /// A plan for what a pool asks for, as ``Reward/pool(_:)``.
    public init(payouts: [TransactionOutput], tag: [UInt8], extranonceSize: Int) {
        self.init(reward: .pool(payouts), tag: tag, extranonceSize: extranonceSize)
    }

    /// Bytes that tag and extranonce can have together: what the 100 of a scriptSig leave after the height and
    /// the two bytes of a push that long. 94 at heights from 32,768 to 8,388,607.
    public static func room(atHeight height: UInt32) -> Int {
        CoinbaseParts.maximumScriptSize - Script.heightPush(height).count - 2
    }

    /// What the coinbase takes of the block's limits, or the largest of its ``alternatives``, and before fees are known:
    /// a value does not change an output's size. Source: templates.md §8.6.
    ///
    /// - Returns: the weight with a witness commitment of 38 bytes, and the cost of the signature operations
    ///   in the output scripts.
    public func reservation(
        for next: NextBlock
    ) throws(CoinbaseFault) -> (weight: Weight, sigopCost: Int) {
        var room = try ownReservation(for: next)
        for alternative in alternatives {
            guard let other = try? alternative.ownReservation(for: next) else { continue }
            room = (Swift.max(room.weight, other.weight), Swift.max(room.sigopCost, other.sigopCost))
        }
        return room
    }

    private func ownReservation(
        for next: NextBlock
    ) throws(CoinbaseFault) -> (weight: Weight, sigopCost: Int) {
        let scripts = try outputs(dividing: .max, assured: assured(of: next))
        let parts = try parts(
            for: next, outputs: scripts, commitment: WitnessCommitment.script(root: .zero))
        return (parts.weight, parts.sigopCost)
    }

    /// The coinbase for the block after `next`'s tip; its outputs add up to subsidy and fees.
    ///
    /// Version 2, sequence 0xfffffffe and lock time height − 1 are what node 31 uses and BIP 54 would ask
    /// for. Tag and extranonce are one push, so that no value of theirs can be counted as a signature
    /// operation.
    ///
    /// - Parameter commitment: the script of the witness commitment, which becomes the last output: of
    ///   several that look like one, the last counts. `nil` for none, which is allowed only where no
    ///   transaction has a witness.
    public func parts(
        for next: NextBlock, fees: Satoshis, commitment: [UInt8]?
    ) throws(CoinbaseFault) -> CoinbaseParts {
        guard next.subsidy <= .max, fees <= .max, next.subsidy + fees <= .max else {
            throw .rewardOutOfRange(subsidy: next.subsidy, fees: fees)
        }
        return try parts(
            for: next, outputs: outputs(dividing: next.subsidy + fees, assured: assured(of: next)),
            commitment: commitment)
    }

    /// Parts of a split that are not paid at this tip because they are dust; none for a pool's outputs.
    public func folded(for next: NextBlock) throws(CoinbaseFault) -> [PayoutSplit.Folded] {
        switch reward {
        case .pool: []
        case .split(let split, _): split.folded(assured: try assured(of: next))
        }
    }

    /// What the payouts get for certain: the subsidy without the fixed outputs.
    private func assured(of next: NextBlock) throws(CoinbaseFault) -> Satoshis {
        guard next.subsidy <= .max else { throw .rewardOutOfRange(subsidy: next.subsidy, fees: .zero) }
        return fixed.reduce(next.subsidy) { $1.value < $0 ? $0 - $1.value : .zero }
    }

    /// Outputs that keep their values.
    private var fixed: ArraySlice<TransactionOutput> {
        switch reward {
        case .pool(let outputs): outputs.dropFirst()
        case .split(_, let fixed): fixed[...]
        }
    }

    private func outputs(
        dividing amount: Satoshis, assured: Satoshis
    ) throws(CoinbaseFault) -> [TransactionOutput] {
        var rest = amount
        for (index, output) in fixed.enumerated() {
            guard output.value <= rest else { throw .exceedsReward(fixed: index, output.value, left: rest) }
            rest -= output.value
        }
        switch reward {
        case .pool(let outputs):
            guard var first = outputs.first else { throw .noOutput }
            first.value = rest
            return [first] + fixed
        case .split(let split, _):
            return split.outputs(of: rest, assured: Swift.min(assured, rest)) + fixed
        }
    }

    private func parts(
        for next: NextBlock, outputs: [TransactionOutput], commitment: [UInt8]?
    ) throws(CoinbaseFault) -> CoinbaseParts {
        precondition(extranonceSize >= 0, "a size is not negative")
        let room = Self.room(atHeight: next.height)
        guard extranonceSize <= room else { throw .extranonceTooLong(extranonceSize, room: room) }
        guard tag.count <= room - extranonceSize else {
            throw .tagTooLong(tag.count, room: room - extranonceSize)
        }
        let pushed = tag.count + extranonceSize
        let push = pushed <= 75 ? [UInt8(pushed)] : [0x4c, UInt8(pushed)]
        return CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(next.height) + push + tag,
            extranonceSize: extranonceSize, sequence: 0xffff_fffe,
            outputs: outputs + (commitment.map { [TransactionOutput(value: .zero, script: $0)] } ?? []),
            lockTime: Swift.max(next.height, 1) - 1)
    }
}

/// Why a plan makes no coinbase.
public enum CoinbaseFault: Error, Hashable, Sendable {
    /// The plan names no output.
    case noOutput
    /// The fixed output of that index (from 0; after the first one of a pool) asks for more than the reward
    /// and the fixed outputs before it leave.
    case exceedsReward(fixed: Int, Satoshis, left: Satoshis)
    /// Subsidy, fees or their sum are above all money there is.
    case rewardOutOfRange(subsidy: Satoshis, fees: Satoshis)
    /// The tag has so many bytes, where height and extranonce leave room for fewer.
    case tagTooLong(Int, room: Int)
    /// The extranonce alone has more bytes than the scriptSig has room for.
    case extranonceTooLong(Int, room: Int)
}

extension CoinbasePlan {
    /// ``parts(for:fees:commitment:)`` for the builder, which knows one kind of fault.
    func coinbase(
        for next: NextBlock, fees: Satoshis, commitment: [UInt8]
    ) throws(TemplateFault) -> CoinbaseParts {
        do throws(CoinbaseFault) {
            return try parts(for: next, fees: fees, commitment: commitment)
        } catch {
            throw templateFault(error, atHeight: next.height)
        }
    }

    func templateFault(_ fault: CoinbaseFault, atHeight height: UInt32) -> TemplateFault {
        switch fault {
        case .noOutput: return .noPayout
        case .exceedsReward: return .payoutsExceedReward
        case .rewardOutOfRange: return .valuesOutOfRange
        case .tagTooLong, .extranonceTooLong:
            let script = CoinbaseParts.maximumScriptSize - Self.room(atHeight: height)
            return .coinbaseScriptTooLong(script + tag.count + extranonceSize)
        }
    }
}

extension CoinbaseParts {
    /// Cost of the coinbase's signature operations. Those of its outputs: the extranonce lies in a push.
    var sigopCost: Int {
        transaction(extranonce: [UInt8](repeating: 0, count: extranonceSize)).legacySigopCost
    }
}
