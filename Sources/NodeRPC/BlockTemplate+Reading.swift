public import BitcoinPrimitives

extension BlockTemplate {
    /// Transactions of a template: no block holds more.
    public static let maximumTransactions = 66_666

    /// Reads the answer to `getblocktemplate`.
    ///
    /// - Parameter schedule: how new coins come on this chain. Without it the chain is taken for one of Bitcoin's,
    ///   by whether subsidy and fees then add up.
    public init(_ part: JSONPart, schedule: SubsidySchedule?) throws(TemplateRefusal) {
        var partial: PartialTemplate
        do throws(JSONReader.Fault) {
            var reader = part.reader
            partial = try PartialTemplate(&reader)
            try reader.finish()
        } catch {
            throw .json(error)
        }
        self = try partial.template(schedule: schedule)
    }

    /// Reads a file with such an answer: the answer alone, or in the envelope that came over HTTP. The chain is found
    /// out by whether the amounts add up.
    public init(file bytes: [UInt8]) throws(TemplateRefusal) {
        var part = JSONPart(bytes)
        do throws(JSONReader.Fault) {
            var reader = JSONReader(bytes)
            try reader.enterObject()
            while let name = try reader.nextName() {
                let value = try reader.skip()
                if reader.text(in: name, is: resultName) { part = JSONPart(bytes, value) }
            }
            try reader.finish()
        } catch {
            throw .json(error)
        }
        try self.init(part, schedule: nil)
    }
}

/// Fields as they come.
private struct PartialTemplate {
    var version: UInt32?
    var previousBlock: Hash256?
    var height: UInt32?
    var bits: UInt32?
    var target: Target?
    var minimumTime: UInt32?
    var currentTime: UInt32?
    var coinbaseValue: UInt64?
    var longPollID: String?
    var rules: [String] = []
    var requiredBits: UInt32 = 0
    var transactions: [TemplateTransaction]?
    var coinbaseAux: [UInt8] = []
    var commitmentScript: [UInt8]?
    /// The first thing wrong with the transactions that is not a matter of JSON.
    var refusal: TemplateRefusal?
    private var fees: UInt64? = 0

    init(_ reader: inout JSONReader) throws(JSONReader.Fault) {
        var walk = try FieldWalk(templateFields, &reader)
        while let field = try walk.next(&reader) {
            switch field {
            // A signed number on the wire.
            case .version: version = UInt32(bitPattern: try reader.integer(Int32.self))
            case .rules: rules = try PartialTemplate.rules(&reader)
            case .vbrequired: requiredBits = try reader.integer()
            case .previousblockhash: previousBlock = try reader.hash()
            case .transactions: transactions = try transactions(&reader)
            case .coinbaseaux: coinbaseAux = try PartialTemplate.aux(&reader)
            case .coinbasevalue: coinbaseValue = try reader.integer()
            case .longpollid: longPollID = try reader.string(limit: 1_024)
            case .target: target = Target(wireBytes: try reader.hash().wireBytes)
            case .mintime: minimumTime = try reader.integer()
            case .curtime: currentTime = try reader.integer()
            case .bits: bits = try PartialTemplate.bits(&reader)
            case .height: height = try reader.integer()
            case .default_witness_commitment: commitmentScript = try reader.hexBytes(limit: 10_000)
            }
        }
    }

    private static func bits(_ reader: inout JSONReader) throws(JSONReader.Fault) -> UInt32 {
        let start = reader.offset
        let bytes = try reader.hexBytes(limit: 4)
        guard bytes.count == 4 else { throw reader.fault(.wrongLength(bytes.count, wanted: 4), at: start) }
        return bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func rules(_ reader: inout JSONReader) throws(JSONReader.Fault) -> [String] {
        var rules = [String]()
        try reader.enterArray()
        while try reader.nextItem() {
            guard rules.count < 64 else { throw reader.fault(.tooMany(limit: 64)) }
            rules.append(try reader.string(limit: 64))
        }
        return rules
    }

    private static func aux(_ reader: inout JSONReader) throws(JSONReader.Fault) -> [UInt8] {
        var bytes = [UInt8]()
        try reader.enterObject()
        while try reader.nextName() != nil {
            bytes += try reader.hexBytes(limit: 100)
            guard bytes.count <= 100 else { throw reader.fault(.tooLong(limit: 100)) }
        }
        return bytes
    }

    // MARK: Transactions

    private mutating func transactions(
        _ reader: inout JSONReader
    ) throws(JSONReader.Fault) -> [TemplateTransaction] {
        var list = [TemplateTransaction]()
        var known = Set<Txid>()
        try reader.enterArray()
        while try reader.nextItem() {
            guard list.count < BlockTemplate.maximumTransactions else {
                throw reader.fault(.tooMany(limit: BlockTemplate.maximumTransactions))
            }
            let transaction = try transaction(&reader, at: list.count)
            if let txid = transaction.txid, !known.insert(txid).inserted { note(.duplicate(txid)) }
            list.append(transaction)
        }
        for (position, transaction) in list.enumerated() {
            for parent in transaction.parents ?? [] where !(0..<position).contains(parent) {
                note(
                    list.indices.contains(parent)
                        ? .cyclicParents(position: position, parent: parent)
                        : .missingParent(position: position, parent: parent))
            }
        }
        return list
    }

    private mutating func note(_ refusal: TemplateRefusal) {
        if self.refusal == nil { self.refusal = refusal }
    }

    private mutating func transaction(
        _ reader: inout JSONReader, at position: Int
    ) throws(JSONReader.Fault) -> TemplateTransaction {
        var transaction = TemplateTransaction(wireBytes: [])
        var fee: Int64?
        var walk = try FieldWalk(transactionFields, &reader)
        while let field = try walk.next(&reader) {
            switch field {
            case .data: transaction.wireBytes = try reader.hexBytes(limit: largestTransaction)
            case .txid: transaction.txid = Txid(try reader.hash())
            case .hash: transaction.wtxid = Wtxid(try reader.hash())
            case .depends: transaction.parents = try PartialTemplate.positions(&reader)
            case .fee: fee = try reader.integer(Int64.self)
            case .sigops: transaction.sigopCost = Int(try reader.integer(UInt32.self))
            case .weight: transaction.weight = Weight(weightUnits: UInt64(try reader.integer(UInt32.self)))
            }
        }
        if let fee {
            if fee < 0 { note(.negativeFee(position: position)) }
            transaction.fee = Satoshis(rawValue: UInt64(max(fee, 0)))
        }
        add(transaction.fee, at: position)
        return transaction
    }

    private mutating func add(_ fee: Satoshis?, at position: Int) {
        guard let sum = fees, let fee else {
            fees = nil
            return
        }
        if fee.rawValue > Satoshis.max.rawValue - sum {
            note(.feesOverflow(position: position))
            fees = nil
        } else {
            fees = sum + fee.rawValue
        }
    }

    /// Positions count from 1 on the wire. 0 becomes −1, which is in no list.
    private static func positions(_ reader: inout JSONReader) throws(JSONReader.Fault) -> [Int] {
        var positions = [Int]()
        try reader.enterArray()
        while try reader.nextItem() {
            guard positions.count < BlockTemplate.maximumTransactions else {
                throw reader.fault(.tooMany(limit: BlockTemplate.maximumTransactions))
            }
            positions.append(Int(try reader.integer(Int32.self)) - 1)
        }
        return positions
    }

    // MARK: The whole

    func template(schedule: SubsidySchedule?) throws(TemplateRefusal) -> BlockTemplate {
        guard let previousBlock else { throw .missing(field: "previousblockhash") }
        guard let version else { throw .missing(field: "version") }
        guard let height else { throw .missing(field: "height") }
        guard let bits else { throw .missing(field: "bits") }
        guard let currentTime else { throw .missing(field: "curtime") }
        guard let coinbaseValue else { throw .missing(field: "coinbasevalue") }
        guard let transactions else { throw .missing(field: "transactions") }
        for rule in rules where rule.hasPrefix("!") && rule != "!segwit" { throw .unknownRule(rule) }
        guard requiredBits & ~version == 0 else { throw .requiredVersionBits(requiredBits) }
        let compact = CompactTarget(bits: bits)
        guard let expanded = compact.target else { throw .badBits(bits) }
        if let target, target != expanded { throw .targetDiffers(bits: bits, target: target) }
        if let minimumTime, currentTime < minimumTime {
            throw .timeBeforeMinimum(current: currentTime, minimum: minimumTime)
        }
        if let refusal { throw refusal }
        try checkSums(transactions)
        let value = Satoshis(rawValue: coinbaseValue)
        guard value <= .max else {
            throw .coinbaseValueUnexplained(stated: value, fees: .zero, height: height)
        }
        return BlockTemplate(
            version: version, previousBlock: previousBlock, height: height, bits: compact, target: expanded,
            minimumTime: minimumTime, currentTime: currentTime, coinbaseValue: value,
            subsidy: try subsidy(of: value, at: height, schedule), longPollID: longPollID,
            transactions: transactions, coinbaseAux: coinbaseAux, commitmentScript: commitmentScript)
    }

    private func checkSums(_ transactions: [TemplateTransaction]) throws(TemplateRefusal) {
        var weight: UInt64 = 0
        var sigops = 0
        for (position, transaction) in transactions.enumerated() {
            guard !transaction.wireBytes.isEmpty else {
                throw .missing(field: "transactions[\(position)].data")
            }
            weight += transaction.weight?.weightUnits ?? 0
            sigops += transaction.sigopCost ?? 0
        }
        guard weight <= Weight.block.weightUnits else { throw .overWeight(Weight(weightUnits: weight)) }
        guard sigops <= maximumBlockSigopCost else { throw .overSigops(sigops) }
    }

    /// With all fees told, the subsidy is what is left, and must be the chain's; without, the chain's is believed.
    private func subsidy(
        of value: Satoshis, at height: UInt32, _ schedule: SubsidySchedule?
    ) throws(TemplateRefusal) -> Satoshis {
        let fees = fees.map(Satoshis.init(rawValue:))
        if let schedule {
            let subsidy = schedule.subsidy(at: height)
            let isRight = fees.map { subsidy + $0 == value } ?? (subsidy <= value)
            guard isRight else {
                throw .coinbaseValueDiffers(stated: value, subsidy: subsidy, fees: fees ?? .zero)
            }
            return subsidy
        }
        for schedule in [SubsidySchedule.mainnet, .regtest] {
            let subsidy = schedule.subsidy(at: height)
            if let fees, subsidy + fees == value { return subsidy }
        }
        throw .coinbaseValueUnexplained(stated: value, fees: fees ?? .zero, height: height)
    }
}

private enum TemplateField: String, CaseIterable {
    case version, rules, vbrequired, previousblockhash, transactions, coinbaseaux, coinbasevalue, longpollid
    case target, mintime, curtime, bits, height, default_witness_commitment
}
/// In the order in which nodes write them.
private enum TransactionField: String, CaseIterable { case data, txid, hash, depends, fee, sigops, weight }
private let templateFields = FieldNames(TemplateField.self)
private let transactionFields = FieldNames(TransactionField.self)
private let resultName = Array("result".utf8)
