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
			keyed(strip, shown(release), (endpoint) => endpoint.address, endpointChip);
		},
	};
}

function sentence(release, all, serving, failing) {
	if (!release) return 'No endpoints';
	if (all === 0) return '✕ No endpoint: requests to this release cannot be served';
	return failing === 0 ? `${plural(all, 'endpoint')}, all serving` : `✕ ${serving} of ${plural(all, 'endpoint')} serving`;
}

// The endpoints, and those that were taken out of the release while something is open there.
function shown(release) {
	const listed = release?.endpoints ?? [];
	const gone = (release?.gone ?? []).filter(({ address }) => !listed.some((endpoint) => endpoint.address === address));
	return [...listed, ...gone.map((endpoint) => ({ ...endpoint, gone: true }))];
}

// Of one that gets no new requests.
function whatIsLeft({ draining, gone, can_be_stopped: stops, in_flight: open = 0, open_sockets: sockets = 0 }) {
	if (!draining && !gone) return '';
	const left = `${plural(Math.max(open - sockets, 0), 'open request')}, ${plural(sockets, 'open socket')}`;
	return `${gone ? 'taken out' : 'draining'}: ${stops ? 'can be stopped' : left}`;
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
			setText(sign, failing ? '✕' : endpoint.draining || endpoint.gone ? '○' : '●');
			setText(address, endpoint.address);
			const words = failing ? (endpoint.detail ?? 'not serving') : whatIsLeft(endpoint);
			setText(detail, words);
			setText(flight, String(endpoint.in_flight ?? 0));
			setAttr(flight, 'title', `${plural(endpoint.in_flight ?? 0, 'request')} in flight`);
			setAttr(element, 'data-testid', `endpoint-${endpoint.address}`);
			setAttr(element, 'aria-label', `${endpoint.address}, ${words || 'serving'}, ${plural(endpoint.in_flight ?? 0, 'request')} in flight`);
		},
	};
}
