// The certificates that end users and this page are shown: when each ends, when the next one comes, and what went wrong last.

import { h, keyed, setShown, setText } from '../dom.js';
import { ahead, ago } from '../format.js';
import { appHref } from '../page-address.js';
import { button, errorLine, pageHead, prose } from '../components/controls.js';
import { when } from '../components/when.js';

const STATES = {
	valid: ['valid', ''],
	ordering: ['being ordered', ''],
	failed: ['none yet: the last order failed', 'bad'],
	expired: ['expired', 'bad'],
	unreadable: ['cannot be read', 'bad'],
};
// As the alarm of the fleet page.
const SOON_MS = 7 * 86_400_000;

export function certificatesPage({ api }) {
	const error = errorLine('certificates-error');
	const ca = h('p', { testid: 'certificates-ca' });
	const none = h('p.quiet', { testid: 'certificates-none' }, 'No certificates: this router speaks plain http.');
	const list = h('ul.rows', { testid: 'certificates' });
	let known = null;

	async function load() {
		try {
			known = await api.listCertificates();
			setText(error, '');
			setText(ca, describeCa(known));
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	function update() {
		const certificates = known?.certificates ?? [];
		setShown(none, known !== null && certificates.length === 0);
		keyed(list, certificates, (one) => `${one.source} ${one.file ?? ''} ${one.names.join(' ')}`, certificateRow);
	}

	load();
	return {
		element: h(
			'div',
			{},
			pageHead('Certificates', button('Reload', { testid: 'certificates-reload', run: load })),
			h('section.panel', {}, error, none, list),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'Certificate authority'), ca),
			h('p.lead', {}, prose('Files are read again when they change. A CA is asked for the hosts of apps whose setting `certificate` is `acme`.')),
		),
		title: 'Certificates',
		update,
	};
}

function describeCa({ directory, account }) {
	if (!directory) return 'No CA is asked: the setting acme_directory is missing.';
	return `${directory}; ${account ? 'the fleet has an account there' : 'there is no account yet'}.`;
}

function certificateRow(certificate) {
	const state = h('span.pill');
	const ends = when({ future: true });
	const ended = when();
	const dates = h('span.quiet');
	const problem = h('p.error.full-row');
	const names = certificate.names.length ? certificate.names.join(', ') : (certificate.file ?? 'no name');
	const source = certificate.source === 'acme' ? 'of the CA' : `file ${certificate.file ?? ''}`;
	const app = certificate.app ? h('a', { href: appHref(certificate.app) }, certificate.app) : null;
	const element = h(
		'li.row',
		{ testid: `certificate-${certificate.names[0] ?? certificate.file}` },
		h('b', {}, names),
		state,
		h('span.quiet', {}, source, app ? [', app ', app] : null),
		dates,
		problem,
	);
	return {
		element,
		update(now) {
			const [words, tone] = STATES[now.state] ?? [now.state, ''];
			const isSoon = now.state === 'valid' && now.ends_at - Date.now() < SOON_MS;
			setText(state, isSoon ? `${words}, but not for long` : words);
			state.dataset.tone = isSoon ? 'bad' : tone;
			const isOver = now.ends_at && now.ends_at <= Date.now();
			(isOver ? ended : ends).update(now.ends_at);
			dates.replaceChildren(
				...[
					now.ends_at ? [isOver ? 'ended ' : 'ends ', (isOver ? ended : ends).element] : [],
					now.renew_at ? [`; next one ${now.renew_at > Date.now() ? ahead(now.renew_at, Date.now()) : `due since ${ago(now.renew_at, Date.now())}`}`] : [],
					now.retry_at ? [`; tried again ${ahead(now.retry_at, Date.now())}, after ${now.failures} failures`] : [],
				].flat(),
			);
			setText(problem, now.error ?? '');
			setShown(problem, Boolean(now.error));
		},
	};
}
