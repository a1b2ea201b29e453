// Package payments takes payments the way Stripe does: payment intents and
// the charges and refunds they lead to, which states they go through, which
// amounts and cards are taken, in which words anything else is refused, and
// the books that are kept of it.
//
// The package speaks neither HTTP nor SQL: [Service] is driven by httpapi and
// web, keeps its state in a [Store] and moves money through a [Processor].
package payments
