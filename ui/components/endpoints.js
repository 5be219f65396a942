// The endpoints of a release as a strip: a sign and a word for health, so that colour is never the only one.

import { h, keyed, setAttr, setText } from '../dom.js';
import { plural } from '../format.js';
import { health } from '../release.js';

/** `update(release)`; a release without endpoints says so. */
export function endpointStrip() {
	const summary = h('p.endpoints-summary');
	const strip = h('ul.endpoints');
	return {
		element: h('div.endpoints-box', {}, summary, strip),
		update(release) {
			const { all, serving, failing } = health(release);
			setText(summary, sentence(release, all, serving, failing.length));
			summary.classList.toggle('is-bad', Boolean(release) && serving < all || (Boolean(release) && all === 0));
			keyed(strip, release?.endpoints ?? [], (endpoint) => endpoint.address, endpointChip);
		},
	};
}

function sentence(release, all, serving, failing) {
	if (!release) return 'No endpoints';
	if (all === 0) return '✕ No endpoint: requests to this release cannot be served';
	return failing === 0 ? `${plural(all, 'endpoint')}, all serving` : `✕ ${serving} of ${plural(all, 'endpoint')} serving`;
}

function endpointChip() {
	const sign = h('span.endpoint-sign', { 'aria-hidden': 'true' });
	const address = h('span.endpoint-address');
	const detail = h('span.endpoint-detail');
	const flight = h('span.endpoint-flight.live-value');
	const element = h('li.endpoint', {}, sign, address, detail, flight);
	return {
		element,
		update(endpoint) {
			const failing = endpoint.healthy === false;
			element.classList.toggle('is-failing', failing);
			setText(sign, failing ? '✕' : '●');
			setText(address, endpoint.address);
			setText(detail, failing ? (endpoint.detail ?? 'not serving') : '');
			setText(flight, String(endpoint.in_flight ?? 0));
			setAttr(flight, 'title', `${plural(endpoint.in_flight ?? 0, 'request')} in flight`);
			setAttr(element, 'data-testid', `endpoint-${endpoint.address}`);
			setAttr(element, 'aria-label', `${endpoint.address}, ${failing ? (endpoint.detail ?? 'not serving') : 'serving'}, ${plural(endpoint.in_flight ?? 0, 'request')} in flight`);
		},
	};
}
