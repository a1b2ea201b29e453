// Drives Payments with Stripe's library for Node.js, retries on.
// PAYMENTS_URL and PAYMENTS_KEY say where it is.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import Stripe from 'stripe'

const address = new URL(process.env.PAYMENTS_URL)
const stripe = new Stripe(process.env.PAYMENTS_KEY, {
	host: address.hostname, port: address.port, protocol: 'http', maxNetworkRetries: 2, telemetry: false,
})

const refused = async (promise, status, code) => {
	const error = await promise.then(() => assert.fail('it was not refused'), (e) => e)
	assert.ok(error instanceof Stripe.errors.StripeError, String(error))
	assert.deepEqual([error.statusCode, error.code], [status, code])
	return error
}

const settled = async (read, done) => {
	const end = Date.now() + 5000
	for (;;) {
		const object = await read()
		if (done(object)) return object
		assert.ok(Date.now() < end, 'it did not settle within 5 s')
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}

const pay = (method, more = {}) =>
	stripe.paymentIntents.create({ amount: 10000, currency: 'usd', payment_method: method, confirm: true, ...more })

const flows = {
	async 'a declined card and then a good one'() {
		const intent = await stripe.paymentIntents.create({ amount: 1999, currency: 'usd', metadata: { order: '7' }, automatic_payment_methods: { enabled: true } })
		const error = await refused(stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds' }), 402, 'card_declined')
		assert.equal(error.decline_code, 'insufficient_funds')
		assert.equal(error.payment_intent.status, 'requires_payment_method')
		const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa', expand: ['latest_charge.balance_transaction'] })
		assert.equal(paid.status, 'succeeded')
		assert.equal(paid.latest_charge.balance_transaction.amount, 1999)
		assert.equal((await stripe.paymentIntents.retrieve(intent.id)).metadata.order, '7')
	},
	async 'update, capture in part, cancel'() {
		const intent = await pay('pm_card_visa', { capture_method: 'manual' })
		assert.equal(intent.amount_capturable, 10000)
		await stripe.paymentIntents.update(intent.id, { description: 'later' })
		const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 2500 })
		assert.equal(captured.amount_received, 2500)
		await refused(stripe.paymentIntents.cancel(intent.id), 400, 'payment_intent_unexpected_state')
		const other = await pay('pm_card_visa', { capture_method: 'manual' })
		assert.equal((await stripe.paymentIntents.cancel(other.id, { cancellation_reason: 'duplicate' })).status, 'canceled')
	},
	async 'refunds, at once and later'() {
		const intent = await pay('pm_card_visa')
		const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 4000, expand: ['charge'] })
		assert.equal(refund.charge.amount_refunded, 4000)
		await refused(stripe.refunds.create({ payment_intent: intent.id, amount: 6001 }), 400, undefined)
		await stripe.refunds.create({ charge: intent.latest_charge })
		await refused(stripe.refunds.create({ charge: intent.latest_charge }), 400, 'charge_already_refunded')
		const all = await stripe.refunds.list({ payment_intent: intent.id, limit: 1 }).autoPagingToArray({ limit: 10 })
		assert.deepEqual(all.map((r) => r.amount), [6000, 4000])
		const pending = await stripe.refunds.create({ payment_intent: (await pay('pm_card_pendingRefund')).id })
		assert.equal(pending.status, 'pending')
		await settled(() => stripe.refunds.retrieve(pending.id), (r) => r.status === 'succeeded')
	},
	async '3-D Secure and processing'() {
		const intent = await pay('pm_card_threeDSecure2Required', { return_url: 'https://shop.example/done' })
		assert.equal(intent.status, 'requires_action')
		const response = await fetch(intent.next_action.redirect_to_url.url, {
			method: 'POST', body: new URLSearchParams({ decision: 'approve' }), redirect: 'manual',
		})
		assert.equal(response.status, 303)
		assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'succeeded')
		const debit = await pay('pm_usBankAccount_success')
		assert.equal(debit.status, 'processing')
		await settled(() => stripe.paymentIntents.retrieve(debit.id), (i) => i.status === 'succeeded')
	},
	async 'customers and payment methods'() {
		const customer = await stripe.customers.create({ email: 'jo@example.com', name: 'Jo', address: { line1: '1 High St' } })
		const method = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id })
		const updated = await stripe.customers.update(customer.id, { name: '', invoice_settings: { default_payment_method: method.id } })
		assert.deepEqual([updated.name, updated.invoice_settings.default_payment_method], [null, method.id])
		assert.equal((await stripe.customers.listPaymentMethods(customer.id)).data.length, 1)
		const intent = await pay(method.id, { customer: customer.id, off_session: true, expand: ['customer', 'payment_method.customer'] })
		assert.equal(intent.payment_method.customer.email, 'jo@example.com')
		assert.equal((await stripe.charges.list({ customer: customer.id })).data.length, 1)
		await stripe.paymentMethods.detach(method.id)
		await refused(pay(method.id), 400, 'payment_method_unexpected_state')
		assert.equal((await stripe.customers.del(customer.id)).deleted, true)
		await refused(stripe.customers.update(customer.id, { name: 'x' }), 404, 'resource_missing')
	},
	async 'charges the older way, balance'() {
		const charge = await stripe.charges.create({ amount: 2000, currency: 'usd', source: 'tok_visa', metadata: { a: 'b' } })
		assert.equal(charge.paid, true)
		const balance = await stripe.balance.retrieve()
		const entries = await stripe.balanceTransactions.list({ limit: 100 }).autoPagingToArray({ limit: 1000 })
		const net = entries.reduce((sum, entry) => sum + entry.net, 0)
		assert.equal(balance.pending[0].amount + balance.available[0].amount, net)
	},
	async 'idempotency'() {
		const once = { idempotencyKey: `key-${Date.now()}` }
		const params = { amount: 500, currency: 'usd' }
		const first = await stripe.paymentIntents.create(params, once)
		const again = await stripe.paymentIntents.create(params, once)
		assert.equal(again.id, first.id)
		assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true')
		const error = await stripe.paymentIntents.create({ ...params, amount: 501 }, once).catch((e) => e)
		assert.ok(error instanceof Stripe.errors.StripeIdempotencyError, String(error))
	},
	async 'webhooks that the library verifies'() {
		const bodies = []
		const server = createServer(async (request, response) => {
			const chunks = []
			for await (const chunk of request) chunks.push(chunk)
			bodies.push([Buffer.concat(chunks), request.headers['stripe-signature']])
			response.end()
		})
		server.listen(0, '127.0.0.1')
		await once(server, 'listening')
		const endpoint = await stripe.webhookEndpoints.create({ url: `http://127.0.0.1:${server.address().port}/`, enabled_events: ['payment_intent.succeeded'] })
		const intent = await pay('pm_card_visa')
		await settled(() => bodies.length, (n) => n > 0)
		const event = stripe.webhooks.constructEvent(...bodies[0], endpoint.secret)
		assert.equal(event.data.object.id, intent.id)
		assert.throws(() => stripe.webhooks.constructEvent(bodies[0][0], bodies[0][1], 'whsec_wrong'))
		assert.equal((await stripe.events.retrieve(event.id)).type, 'payment_intent.succeeded')
		assert.ok((await stripe.events.list({ types: ['payment_intent.succeeded'] })).data.length > 0)
		assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true)
		server.closeAllConnections()
		server.close()
	},
	async 'errors'() {
		await refused(stripe.paymentIntents.retrieve('pi_missing'), 404, 'resource_missing')
		await refused(stripe.paymentIntents.create({ currency: 'usd' }), 400, 'parameter_missing')
		await refused(stripe.paymentIntents.create({ amount: 1000, currency: 'usd', nonsense: 1 }), 400, 'parameter_unknown')
		const wrong = new Stripe('sk_test_wrong', { host: address.hostname, port: address.port, protocol: 'http' })
		const error = await wrong.balance.retrieve().catch((e) => e)
		assert.ok(error instanceof Stripe.errors.StripeAuthenticationError, String(error))
	},
}

for (const [name, flow] of Object.entries(flows)) {
	try {
		await flow()
	} catch (error) {
		console.error(`${name}: ${error.stack}`)
		process.exitCode = 1
	}
}
console.log(`${Object.keys(flows).length} flows`)
