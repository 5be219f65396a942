// The dialogs about a release itself: which endpoints it has, looked at before they are saved, and its end.

import { freshId, h, setShown, setText, showLines } from '../dom.js';
import { releaseName } from '../release.js';
import { testLines } from '../start-words.js';
import { typedList } from '../typed-list.js';
import { button, field } from './controls.js';
import { openFormDialog } from './dialog.js';

const readAddresses = (area) => typedList(area.value);

/** Edits the endpoints of a release that are registered. `done` runs once they are changed. */
export async function openEndpointsDialog({ api, notices, app, release, done }) {
	// The count that was read goes along, so that nobody's change is overwritten.
	const known = await api.getEndpoints(app, release.id);
	const name = releaseName(release);
	const area = h('textarea.input.mono', {
		id: freshId('endpoints'),
		rows: String(Math.min(10, Math.max(3, known.endpoints.length + 1))),
		spellcheck: 'false',
		testid: 'endpoints-list',
	});
	area.value = known.endpoints.map(({ address }) => address).join('\n');
	const answers = h('ul.advice.is-answers', { testid: 'endpoints-tested', 'aria-live': 'polite' });
	const testButton = button('Test them now', { tone: 'small', testid: 'endpoints-test', run: ask });
	const reason = h('input.input', { id: freshId('reason'), testid: 'endpoints-reason', autocomplete: 'off' });
	const force = h('input', { type: 'checkbox', testid: 'endpoints-force' });
	const forceRow = h('p', { hidden: true }, h('label.check', {}, force, ' Go on although the router warns'));

	async function ask() {
		const endpoints = readAddresses(area);
		if (endpoints.length === 0) return showLines(answers, ['Type an endpoint first.']);
		setText(testButton, 'Asking them …');
		showLines(answers, await api.testEndpoints(app, release.id, { endpoints }).then(testLines, ({ message }) => [message]));
		setText(testButton, 'Test them again');
	}

	async function send() {
		const body = { endpoints: readAddresses(area), reason: reason.value.trim() || undefined, force: force.checked || undefined };
		await api.replaceEndpoints(app, release.id, body, known.count).catch((refusal) => {
			if (refusal.status === 409 || refusal.status === 422) setShown(forceRow, true);
			throw refusal;
		});
		notices.post({ text: `The endpoints of ${name} are changed.`, tone: 'done' });
	}

	area.addEventListener('input', () => showLines(answers, []));
	const hint = 'One ip:port, name:port or unix:/path per line. Endpoints that a script wrote into the keyvalues itself are not listed, and stay.';
	openFormDialog({
		stem: 'endpoints',
		title: `Endpoints of ${name}`,
		content: [field('Endpoints', area, hint), h('div', {}, testButton, answers), field('Why (optional)', reason), forceRow],
		submit: 'Save endpoints',
		tone: 'primary',
		send,
		done,
	});
	area.focus();
}

/** Removes a release that no app routes. */
export function openRemoveRelease({ api, notices, app, release, done }) {
	const name = releaseName(release);
	openFormDialog({
		stem: 'release-remove',
		title: `Remove ${name} from the store?`,
		content: h(
			'p',
			{},
			`Its endpoints are no longer known, so nobody can go back to ${name} before they are registered again. They are not stopped. No client moves.`,
		),
		submit: `Remove ${name}`,
		async send() {
			await api.removeRelease(app, release.id);
			notices.post({ text: `${name} is removed.`, tone: 'done' });
		},
		done,
	});
}
