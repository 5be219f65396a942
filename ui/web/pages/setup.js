// Sets up the first app and every further one: name, hosts, first release, first endpoint. Releases that are already in the keyvalues are
// offered.

import { h, setAttr, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { isUnreachable } from '../hosts.js';
import { health, releaseName, releasesOf } from '../release.js';
import { appHref } from '../page-address.js';
import { typedList } from '../typed-list.js';
import { endpointStrip } from '../components/endpoints.js';
import { errorLine, field, submitButton } from '../components/controls.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_ALLOWED = 'use up to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit';

export function setupPage({ api, model }) {
	const first = !model.apps().some((state) => state.stable);
	const input = (id, props) =>
		h('input.input', { id: `setup-${id}`, testid: `setup-${id}`, autocomplete: 'off', spellcheck: 'false', ...props });
	const app = input('app', { required: true, placeholder: 'hello', value: (first && model.facts.defaultApp) || null });
	const hosts = input('hosts', { placeholder: 'www.example.org' });
	const found = h(
		'select.input',
		{ id: 'setup-found', testid: 'setup-found' },
		h('option', { value: '' }, 'None: a new release, entered below'),
	);
	const foundField = field('Release from the keyvalues', found);
	const release = input('release', { placeholder: '1.0.0' });
	const endpoint = input('endpoint', { placeholder: '127.0.0.1:9001', class: 'input mono' });
	const port = input('port', { inputmode: 'numeric', placeholder: '80' });
	const byHand = h(
		'div.stack',
		{},
		field('First release', release, 'Its version, as you will see it on every page.'),
		field('First endpoint', endpoint, 'The ip:port, name:port or unix:/path where that release answers. Separate several with commas.'),
		field('Host port (optional)', port, 'The port in the id of the release, as on the old set-up screen. Empty: 80.'),
	);
	const others = findDefault(model);
	const keep = h('input', { type: 'checkbox', id: 'setup-keep-default', testid: 'setup-keep-default', checked: true });
	const keepDefault = () => others.isOnly && keep.checked && model.facts.who?.role !== 'viewer';
	const hostsEffect = h('p.panel.is-warning', { testid: 'setup-hosts-effect', role: 'status' });
	const keepRow = h('p', {}, h('label.check', {}, keep, ` ${others.default} goes on serving all hosts that no app claims`));
	setShown(keepRow, others.isOnly);
	function showHostsEffect() {
		const text = describeHostsEffect({ hosts: typedList(hosts.value), first, isKept: keepDefault(), ...others });
		setText(hostsEffect, text);
		setShown(hostsEffect, Boolean(text));
	}
	for (const control of [hosts, keep]) control.addEventListener('input', showHostsEffect);
	showHostsEffect();
	const error = errorLine('setup-error');
	const submit = submitButton('Put it on stable', 'setup-submit');
	const form = h(
		'form.panel.setup',
		{},
		field('App name', app, 'Letters, digits, dot, dash and underscore. Keys and the API use this name.'),
		field(
			'Host names (optional)',
			hosts,
			first
				? 'Requests for these hosts go to this app. The first app also gets all other hosts.'
				: 'Requests for these hosts go to this app. Separate several with commas.',
		),
		keepRow,
		hostsEffect,
		foundField,
		byHand,
		error,
		submit,
	);
	const result = resultPanel();
	const element = h(
		'div',
		{},
		h('h1', { tabindex: '-1' }, first ? 'Set up the first app' : 'Set up an app'),
		h(
			'p.lead',
			{},
			first
				? 'Enter the app, its host names, a release, and where that release answers. Then the router serves the app.'
				: 'The router serves the app as soon as it has a release on stable.',
		),
		form,
		result.element,
	);

	setShown(foundField, false);
	listStoredReleases(api, model.apps()).then(
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
			if (keepDefault()) await api.makeDefault(others.default);
			await makeApp(api, model, read);
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
		if (created) result.update(model.app(created));
	}

	return { element, title: 'Set up', update: redraw };
}

// Makes the app with its hosts in one step, then puts the release on stable. Where that is refused nothing is left behind.
async function makeApp(api, model, { app, hosts, body }) {
	const isNew = !model.app(app);
	if (isNew) await api.addApp(app, hosts);
	try {
		const answer = await api.setStable(app, body);
		if (!isNew && hosts.length) await api.patchSettings(app, { hosts });
		model.takeState(answer);
	} catch (refusal) {
		if (isNew && refusal.status >= 400) await api.removeApp(app).catch(() => {});
		throw refusal;
	}
}

// Which app serves the hosts that nobody claims, and whether that would end: the only app serves them without being told to.
function findDefault(model) {
	const names = model.apps().map(({ app }) => app);
	const { defaultApp, configuredApp } = model.facts;
	return { default: defaultApp, isOnly: !configuredApp && names.length === 1 && names[0] === defaultApp };
}

function readForm({ app, hosts, found, release, endpoint, port }) {
	const fail = (field, error) => ({ field, error });
	if (!NAME.test(app.value.trim())) return fail(app, `App name “${app.value.trim()}” is not allowed: ${NAME_ALLOWED}.`);
	const read = { app: app.value.trim(), hosts: typedList(hosts.value) };
	if (found.value) return { ...read, body: { id: found.value } };
	if (!release.value.trim()) return fail(release, 'Enter the first release, such as 1.0.0.');
	const endpoints = typedList(endpoint.value);
	if (endpoints.length === 0) return fail(endpoint, 'Enter the first endpoint as ip:port, such as 127.0.0.1:9001.');
	const body = { release: release.value.trim(), endpoints };
	if (port.value.trim()) {
		if (!/^\d{1,5}$/.test(port.value.trim()))
			return fail(port, `Host port “${port.value.trim()}” is not a number from 1 to 65535, such as 80.`);
		body.port = Number(port.value.trim());
	}
	return { ...read, body };
}

/** What the new app does to hosts, before anything is done; null: nothing that has to be said. */
export function describeHostsEffect({ hosts, first, default: other, isOnly, isKept }) {
	if (first) return null;
	const own = hosts.length
		? `Requests for ${hosts.join(', ')} go to the new app.`
		: 'No host leads to the new app until you claim one in its settings.';
	if (isOnly && !isKept) return `${own} ${other} serves only the hosts that it claims from then on: all others get 404.`;
	return other ? `${own} ${other} serves all other hosts.` : own;
}

// Those of no app: each app has releases of its own.
async function listStoredReleases(api, apps) {
	const entries = await api.listKeys('apps/');
	const known = new Set(entries.map(({ Key }) => /^(apps\/[^/]+\/containers)\/[^/]+$/.exec(Key)?.[1]).filter(Boolean));
	const routed = new Set(apps.flatMap(releasesOf).map(({ id }) => id));
	const isFree = (id) => !routed.has(id) && !apps.some(({ app }) => id.startsWith(`apps/${app}-`));
	return [...known].filter(isFree).sort();
}

// What became of the app, live: the first health check answers within seconds.
function resultPanel() {
	const title = h('h2', { tabindex: '-1' });
	const healthLine = h('p', { role: 'status', testid: 'setup-health' });
	const strip = endpointStrip();
	const noHost = h('p.panel.is-warning', { testid: 'setup-no-host', hidden: true }, 'No host leads to it yet: claim one in its settings.');
	const appLink = h('a.button.primary', { testid: 'setup-done' }, 'Go to the app');
	const element = h(
		'section.panel.setup',
		{ hidden: true, testid: 'setup-result' },
		title,
		healthLine,
		strip.element,
		noHost,
		h('p', {}, appLink),
	);
	return {
		element,
		show(app) {
			setText(title, `${app} is routed`);
			appLink.href = appHref(app);
			setShown(element, true);
			title.focus();
		},
		update(state) {
			if (!state?.stable) return;
			setText(healthLine, describeHealth(state.stable));
			strip.update(state.stable);
			setShown(noHost, isUnreachable(state));
		},
	};
}

function describeHealth(release) {
	const { all, failing } = health(release);
	const start = `Release ${releaseName(release)} is on stable`;
	if (failing.length === 0) return `${start}. The router checks its endpoints all the time; none has failed so far.`;
	const failed = `${failing.length} of ${plural(all, 'endpoint')} ${failing.length === 1 ? 'does' : 'do'} not answer`;
	return `${start}, but ${failed}. Start the release there, or correct the address on the page “Keyvalues”.`;
}
