import BitcoinPrimitives
import ProviderTemplates
import SV2Codec
import SV2Roles

// What exactly is wrong, as half a sentence.

extension CodecError {
    var words: String {
        switch self {
        case .truncated(let field, let needed, let left):
            "\(field) needs \(needed) more bytes, and \(left) are there"
        case .aboveLimit(let field, let count, let limit):
            "\(field) has \(count), where \(limit) are the most"
        case .notAHashRate(let field, _): "\(field) is no hash rate"
        case .payloadTooLong(let count): "\(count) bytes are too many"
        }
    }
}

extension TemplateDefect {
    var words: String {
        switch self {
        case .prefixTooLong(let count): "its coinbase prefix of \(count) bytes leaves no room"
        case .noHeight: "its coinbase prefix does not begin with a height"
        case .tooMuchMoney(let value): "\(value) satoshis are more than there are"
        case .pathTooLong(let count): "a merkle path of \(count) is longer than any block's"
        case .lockedUntil(let height): "its coinbase is locked until height \(height)"
        case .outputs: "its coinbase outputs cannot be read"
        }
    }
}

extension TemplateMistrust {
    var words: String {
        switch self {
        case .otherHeight(let template, let tip?):
            "a template of height \(template), where the tip asks for \(tip)"
        case .otherHeight(let template, nil): "a template of height \(template) before there was a tip"
        case .unknownTemplate(let templateId): "a tip for template \(templateId), which it did not send"
        case .numberTwice(let templateId): "two templates under number \(templateId)"
        case .transactionData(let templateId, let defect):
            "the transactions of template \(templateId) are not its own: \(defect.words)"
        case .noTransactionData(let templateId, let errorCode):
            "no transactions for template \(templateId), which it sent: \(errorCode)"
        case .noAnswer: "no template when it was asked for one"
        }
    }
}

extension TransactionDataDefect {
    var words: String {
        switch self {
        case .unreadable(let index, _): "number \(index) cannot be read"
        case .otherMerklePath: "their merkle path is another"
        case .repeated: "the end of the list is repeated"
        case .otherWitnesses: "their witnesses are others"
        case .noWitnessCommitment: "no output commits to their witnesses"
        }
    }
}

extension TemplateContradiction {
    var words: String {
        switch self {
        case .unreadable(let index, _): "transaction \(index) cannot be read"
        case .coinbaseAmongOthers(let txid): "\(hex(txid)) is another coinbase"
        case .noOutput(let txid): "\(hex(txid)) has no output"
        case .notFinal(let txid, let lockTime): "\(hex(txid)) is locked until after block \(lockTime)"
        case .spentTwice(let outPoint, let txid):
            "\(hex(txid)) spends output \(outPoint.index) of \(hex(outPoint.txid)) a second time"
        case .parentBehind(let txid, let parent): "\(hex(txid)) stands before \(hex(parent)), which it spends"
        case .noSuchOutput(let outPoint, let txid):
            "\(hex(txid)) spends output \(outPoint.index) of \(hex(outPoint.txid)), which has fewer"
        case .createsMoney(let txid): "\(hex(txid)) pays out more than it spends, or than there is"
        case .tooHeavy(let weight): "it weighs \(weight.weightUnits) units without a coinbase"
        case .tooManySigops(let cost): "its signature operations cost \(cost), of 80,000"
        case .tooLittleValue(let value, let least):
            "it leaves us \(value.rawValue) sat, where subsidy and known fees are \(least.rawValue)"
        case .tooMuchValue(let value, let all):
            "it promises us \(value.rawValue) sat, where subsidy and fees are \(all.rawValue)"
        }
    }

    private func hex(_ txid: Txid) -> String { txid.hash.displayHex }
}
