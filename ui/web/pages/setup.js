// The first start, and every further app: name, hosts, first release, first endpoint. Asks nothing that the router knows:
// releases found in the key-values are offered.

import { h, setAttr, setShown, setText } from '../dom.js';
import { health, releaseName } from '../release.js';
import { appHref } from '../router.js';
import { endpointStrip } from '../components/endpoints.js';
import { errorLine, field, submitButton } from '../components/controls.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function setupPage({ api, store }) {
	const first = !store.apps().some((state) => state.stable);
	const input = (id, props) =>
		h('input.input', { id: `setup-${id}`, testid: `setup-${id}`, autocomplete: 'off', spellcheck: 'false', ...props });
	const app = input('app', { required: true, placeholder: 'hello', value: (first && store.facts.defaultApp) || null });
	const hosts = input('hosts', { placeholder: 'www.example.org' });
	const found = h('select.input', { id: 'setup-found', testid: 'setup-found' }, h('option', { value: '' }, 'A new one, given below'));
	const foundField = field('A release that the key-values hold already', found);
	const release = input('release', { placeholder: '1.0.0' });
	const endpoint = input('endpoint', { placeholder: '127.0.0.1:9001', class: 'input mono' });
	const port = input('port', { inputmode: 'numeric', placeholder: '80' });
	const byHand = h(
		'div.stack',
		{},
		field('First release', release, 'Its version, as you will see it on every page.'),
		field('First endpoint', endpoint, 'ip:port where that release answers; several with commas between.'),
		field('Host port (optional)', port, 'The port in the release\u2019s key, as the old set-up screen had it; 80 when left empty.'),
	);
	const error = errorLine('setup-error');
	const submit = submitButton('Put it on stable', 'setup-submit');
	const form = h(
		'form.panel.setup',
		{},
		field('Application name', app, 'Letters, digits, dot, dash and underscore. It names the app in keys and in the API.'),
		field(
			'Host names (optional)',
			hosts,
			first
				? 'Requests for these hosts go to this app. The only app also gets all other hosts.'
				: 'Requests for these hosts go to this app; commas between several.',
		),
		foundField,
		byHand,
		error,
		submit,
	);
	const result = setupResult();
	const element = h(
		'div',
		{},
		h('h1', { tabindex: '-1' }, first ? 'Set up the first app' : 'Set up an app'),
		h(
			'p.lead',
			{},
			first
				? 'The app, its host names, a release, and where that release answers: then the router serves.'
				: 'The router starts to serve it as soon as it has a release on stable.',
		),
		form,
		result.element,
	);

	setShown(foundField, false);
	knownReleases(api).then(
		(ids) => {
			found.append(...ids.map((id) => h('option', { value: id }, `${releaseName(id)} (${id})`)));
			setShown(foundField, ids.length > 0);
		},
		() => {},
	);
	found.addEventListener('change', () => setShown(byHand, found.value === ''));

	let created = null;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (submit.getAttribute('aria-disabled')) return;
		const read = readForm({ app, hosts, found, release, endpoint, port });
		setText(error, read.error ?? '');
		read.field?.focus();
		if (read.error) return;
		setAttr(submit, 'aria-disabled', 'true');
		try {
			store.take(await api.stable(read.app, read.body));
			if (read.hosts.length) await api.patchSettings(read.app, { hosts: read.hosts });
			created = read.app;
			setShown(form, false);
			result.show(created);
			redraw();
		} catch (refusal) {
			setText(error, refusal.message);
			setAttr(submit, 'aria-disabled', null);
		}
	});

	function redraw() {
		if (created) result.update(store.app(created));
	}

	return { element, title: 'Set up', update: redraw };
}

function readForm({ app, hosts, found, release, endpoint, port }) {
	const wrong = (field, error) => ({ field, error });
	if (!NAME.test(app.value.trim()))
		return wrong(app, 'The application name may hold letters, digits, dot, dash and underscore, and begins with a letter or digit.');
	const read = { app: app.value.trim(), hosts: words(hosts.value) };
	if (found.value) return { ...read, body: { id: found.value } };
	if (!release.value.trim()) return wrong(release, 'Name the first release, such as 1.0.0.');
	const endpoints = words(endpoint.value);
	if (endpoints.length === 0) return wrong(endpoint, 'Give the first endpoint as ip:port, such as 127.0.0.1:9001.');
	const body = { release: release.value.trim(), endpoints };
	if (port.value.trim()) {
		if (!/^\d{1,5}$/.test(port.value.trim())) return wrong(port, 'The host port is a number such as 80.');
		body.port = Number(port.value.trim());
	}
	return { ...read, body };
}

const words = (text) => text.split(/[\s,]+/).filter(Boolean);

async function knownReleases(api) {
	const entries = await api.kvList('apps/');
	return [...new Set(entries.map(({ Key }) => /^(apps\/[^/]+\/containers)\/[^/]+$/.exec(Key)?.[1]).filter(Boolean))].sort();
}

// What became of it, live: the first health check answers within seconds.
function setupResult() {
	const title = h('h2', { tabindex: '-1' });
	const verdict = h('p', { role: 'status', testid: 'setup-verdict' });
	const strip = endpointStrip();
	const go = h('a.button.primary', { testid: 'setup-done' }, 'Go to the app');
	const element = h('section.panel.setup', { hidden: true, testid: 'setup-result' }, title, verdict, strip.element, h('p', {}, go));
	return {
		element,
		show(app) {
			setText(title, `${app} is routed`);
			go.href = appHref(app);
			setShown(element, true);
			title.focus();
		},
		update(state) {
			if (!state?.stable) return;
			const { all, failing } = health(state.stable);
			setText(
				verdict,
				failing.length === 0
					? `Release ${releaseName(state.stable)} is on stable. None of its endpoints has been seen failing; they are checked all the time.`
					: `Release ${releaseName(state.stable)} is on stable, but ${failing.length} of ${all} endpoints do not answer. Start it there, or correct the address below “Key-values”.`,
			);
			strip.update(state.stable);
		},
	};
}
