import BitcoinPrimitives

extension TemplateRefusal {
    /// What is wrong with a node's template, as a sentence without its end.
    public var words: String {
        switch self {
        case .json(let fault):
            "the JSON does not hold a template: \(fault.reason.words), at byte \(fault.offset)"
        case .missing(let field): "the template has no \(field)"
        case .unknownRule(let rule): "the template asks for the rule \(rule), which is not understood"
        case .requiredVersionBits(let bits):
            "the template asks for version bits that nobody knows: \(hex(bits))"
        case .badBits(let bits): "the template's bits \(hex(bits)) are no target"
        case .targetDiffers(let bits, _): "the template's target is not that of its bits \(hex(bits))"
        case .timeBeforeMinimum(let current, let minimum):
            "the template's curtime \(current) is before its mintime \(minimum)"
        case .coinbaseValueDiffers(let stated, let subsidy, let fees):
            "the template's coinbasevalue is \(stated.rawValue), but subsidy \(subsidy.rawValue) and fees "
                + "\(fees.rawValue) make \(subsidy.rawValue + fees.rawValue)"
        case .coinbaseValueUnexplained(let stated, let fees, let height):
            "the template's coinbasevalue \(stated.rawValue) is not explained by fees of \(fees.rawValue) and any "
                + "subsidy at height \(height)"
        case .feesOverflow(let position):
            "the fees up to transaction \(position) are more than there is money"
        case .negativeFee(let position): "the fee of transaction \(position) is negative"
        case .duplicate(let txid): "transaction \(txid.displayHex) comes twice"
        case .cyclicParents(let position, let parent):
            "transaction \(position) depends on \(parent), which does not come before it"
        case .missingParent(let position, let parent):
            "transaction \(position) depends on \(parent), which is not in the list"
        case .overWeight(let weight): "the transactions weigh \(weight.weightUnits), more than a block may"
        case .overSigops(let cost): "the signature operations cost \(cost), more than a block's may"
        case .noTransaction(let position, let fault):
            "the data of transaction \(position) is no transaction: \(fault)"
        case .txidDiffers(let stated, let actual):
            "transaction \(stated.displayHex) has the id \(actual.displayHex) by its bytes"
        case .wtxidDiffers(let stated, let actual):
            "the transaction with hash \(stated.displayHex) has \(actual.displayHex) by its bytes"
        case .weightDiffers(let txid, let stated, let actual):
            "transaction \(txid.displayHex) weighs \(actual.weightUnits) by its bytes, not \(stated.weightUnits)"
        case .unnamedParent(let txid, let parent):
            "transaction \(txid.displayHex) spends from \(parent.displayHex) without naming it as a parent"
        case .conflict(let first, let second):
            "transactions \(first.displayHex) and \(second.displayHex) spend the same output"
        case .commitmentDiffers: "the template's witness commitment is not that of its transactions"
        case .unknownFee(let txid):
            "the fee of transaction \(txid.displayHex) is not told, so nobody can choose it for what it pays"
        }
    }

    private func hex(_ number: UInt32) -> String { "0x" + String(number, radix: 16) }
}

extension JSONReader.Fault.Reason {
    /// What is wrong with a JSON text, as a sentence without beginning and end.
    public var words: String {
        switch self {
        case .ended: "the text ends within a value"
        case .unexpected(let byte): "nothing there may begin with the byte \([byte].hex)"
        case .trailing: "something follows the value"
        case .wrongKind(let found, let wanted): "\(found) where \(wanted) belongs"
        case .badNumber: "a number that is none"
        case .outOfRange: "a number out of range"
        case .badEscape: "an escape that is none"
        case .badUTF8: "bytes that are no UTF-8"
        case .controlCharacter(let byte): "the bare control character \([byte].hex) in a string"
        case .badHex: "no hexadecimal digits"
        case .wrongLength(let count, let wanted): "\(count) bytes where \(wanted) belong"
        case .tooLong(let limit): "more than \(limit) bytes"
        case .tooMany(let limit): "more than \(limit) items"
        case .tooDeep(let limit): "more than \(limit) levels"
        case .fieldTwice(let name): "the field \(name) for the second time"
        }
    }
}
