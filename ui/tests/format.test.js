import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN, ago, ahead, count, duration, millis, percent, plural, rate, share } from '../web/format.js';

const plain = (text) => text.replaceAll('\u00a0', ' ');

test('a figure that is not known is a dash, never NaN', () => {
	for (const show of [count, rate, share, percent, millis, duration]) {
		for (const nothing of [undefined, null, NaN]) assert.equal(show(nothing), UNKNOWN);
	}
});

test('rates keep one decimal while it matters', () => {
	assert.equal(plain(rate(0, 'en')), '0.0 req/s');
	assert.equal(plain(rate(41.23, 'en')), '41.2 req/s');
	assert.equal(plain(rate(1412.4, 'en')), '1,412 req/s');
});

test('an error share above zero never reads as zero', () => {
	assert.equal(plain(share(0, 'en')), '0 %');
	assert.equal(plain(share(0.00001, 'en')), '< 0.01 %');
	assert.equal(plain(share(0.0003, 'en')), '0.03 %');
	assert.equal(plain(share(0.1234, 'en')), '12.3 %');
	assert.equal(plain(share(1, 'en')), '100 %');
});

test('the blend keeps both of its decimals', () => {
	assert.equal(plain(percent(12.25, 'en')), '12.25 %');
	assert.equal(plain(percent(12.5, 'en')), '12.5 %');
});

test('milliseconds become seconds', () => {
	assert.equal(plain(millis(1.23, 'en')), '1.2 ms');
	assert.equal(plain(millis(38.4, 'en')), '38 ms');
	assert.equal(plain(millis(1234, 'en')), '1.2 s');
	assert.equal(plain(millis(12345, 'en')), '12 s');
});

test('lengths of time show their two greatest units', () => {
	assert.equal(plain(duration(0)), '0 s');
	assert.equal(plain(duration(250)), '4 min 10 s');
	assert.equal(plain(duration(7200)), '2 h');
	assert.equal(plain(duration(2 * 86400 + 3 * 3600 + 59)), '2 d 3 h');
});

test('times are relative, and a clock that runs ahead is no negative age', () => {
	const now = 1_763_630_000_000;
	assert.equal(plain(ago(now + 2000, now)), 'just now');
	assert.equal(plain(ago(now - 14_000, now)), '14 s ago');
	assert.equal(plain(ago(now - 14 * 60_000, now)), '14 min ago');
	assert.equal(plain(ago(now - 3 * 3_600_000, now)), '3 h ago');
	assert.equal(plain(ago(now - 49 * 3_600_000, now)), '2 d ago');
	assert.equal(plain(ahead(now + 190_000, now)), 'in 3 min');
	assert.equal(ahead(now - 1, now), 'now');
});

test('one is one', () => {
	assert.equal(plain(plural(1, 'endpoint')), '1 endpoint');
	assert.equal(plain(plural(0, 'endpoint')), '0 endpoints');
});
