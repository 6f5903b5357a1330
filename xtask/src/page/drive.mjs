// What a person does on the page, in a browser: node drive.mjs ADDRESS PICTURES, with an API key on standard input.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { AxeBuilder } = createRequire(import.meta.url)('@axe-core/playwright');
const [address, pictures] = process.argv.slice(2);
const key = readFileSync(0, 'utf8').trim();

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--font-render-hinting=none'],
});

/** Pages of one person. With scripts, because axe is one; whatever the page itself tries to load or run is an error. */
async function person(options) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, colorScheme: 'light', ...options });
  const page = await context.newPage();
  page.on('console', message => assert.notEqual(message.type(), 'error', `${page.url()}: ${message.text()}`));
  page.on('request', request => assert.ok(request.url().startsWith(`${address}/`), `it asks ${new URL(request.url()).host}`));
  return { context, page };
}

/** No finding of axe, at any level. */
async function judged(page, name) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  assert.deepEqual(violations.map(found => `${name}: ${found.id}: ${found.nodes[0].html}`), []);
}

/** What differs from run to run is exchanged first, so that pictures change when the page does. It has no secret then either. */
async function picture(page, name) {
  await page.evaluate(address => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      node.data = node.data
        .replaceAll(address, 'https://install.example')
        .replace(/\/d\/[\w-]{43}/g, '/d/qF3vZ…')
        .replace(/^dev-[0-9a-f]{16}$/, 'dev-9f2c0d1e5a6b7c8d')
        .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIs…')
        .replace(/^[\w-]{22}$/g, '5yXw0gq…')
        .replace(/(link|key) [\w-]{8,16}$/g, '$1 7Kd0…')
        .replace(/\d{4}-\d\d-\d\d(T[\d:]+Z)?/g, (_, time) => (time ? '2027-01-15T08:00:00Z' : '2027-02-14'));
    }
  }, address);
  await page.screenshot({ path: `${pictures}/${name}.png`, animations: 'disabled', caret: 'hide' });
}

/** A device enrolls: a key of its own, and a request that it signs (docs/enrollment.md). */
async function enrolls(token, hostname, parts) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
  const sha256 = (text, encoding) => createHash('sha256').update(text).digest(encoding);
  const keyid = sha256(JSON.stringify({ crv, kty, x, y }), 'base64url');
  const { nonce } = await (await fetch(`${address}/v1/enroll/hello`)).json();
  const body = JSON.stringify({
    token, hostname, key: { crv, kty, x, y },
    agent: { product: 'Probe Agent', version: '9.0.0', os: 'windows', arch: 'x86_64' },
    hardware_fingerprint: { v: 1, class: 'physical', parts: Object.entries(parts).map(([kind, value]) => ({ kind, h: sha256(value, 'hex').slice(0, 32) })) },
  });
  const digest = `sha-256=:${sha256(body, 'base64')}:`;
  const parameters = `("@method" "@authority" "@path" "@query" "content-digest");created=1;keyid="${keyid}";alg="ecdsa-p256-sha256";nonce="${nonce}";tag="agent-1"`;
  const base = `"@method": POST\n"@authority": ${new URL(address).host}\n"@path": /v1/enrollments\n"@query": ?\n"content-digest": ${digest}\n"@signature-params": ${parameters}`;
  const signature = sign('sha256', Buffer.from(base), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64');
  const headers = { 'content-type': 'application/json', 'content-digest': digest, 'signature-input': `dev=${parameters}`, signature: `dev=:${signature}:` };
  const answer = await fetch(`${address}/v1/enrollments`, { method: 'POST', headers, body });
  assert.ok([201, 202].includes(answer.status), `${answer.status}: ${await answer.text()}`);
}

/** A device, and the same after it was reinstalled and its board exchanged. */
async function fleet() {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ tenant: 'acme', product: 'Probe Agent' });
  const { token } = await (await fetch(`${address}/v1/tokens`, { method: 'POST', headers, body })).json();
  const parts = { system_serial: 'pf2abcde', mac: '54:e1:ad:00:00:01', board_serial: 'one', system_uuid: 'one' };
  await enrolls(token, 'front-desk', parts);
  // A record counts as silent after a second here.
  await new Promise(done => setTimeout(done, 2100));
  await enrolls(token, 'desktop-7f3a', { ...parts, board_serial: 'two', system_uuid: 'two' });
}

async function signIn(page, secret) {
  await page.goto(`${address}/`);
  await page.getByLabel('API key').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function withScripts() {
  const { context, page } = await person({});
  await page.goto(`${address}/devices`);
  assert.equal(new URL(page.url()).pathname, '/', 'who has not signed in sees the form to sign in');
  await judged(page, 'sign in');
  await page.getByLabel('API key').fill(key.slice(0, -1) + (key.endsWith('0') ? '1' : '0'));
  page.removeAllListeners('console');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('This key is not valid.').waitFor();

  await signIn(page, key);
  await page.getByRole('heading', { name: 'Add devices' }).waitFor();
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/']);
  assert.ok(!cookie.value.includes(key), 'the cookie is not the key');
  await page.getByLabel('Installer').selectOption({ index: (await page.locator('option:has-text(".msi")').evaluate(option => option.index)) });
  await page.getByLabel('Tenant').fill('acme');
  await page.getByLabel('Devices', { exact: true }).fill('25');
  await judged(page, 'devices');
  await picture(page, 'devices');
  await page.getByRole('button', { name: 'Create link' }).click();
  await page.getByRole('heading', { name: /^Link for/ }).waitFor();
  await judged(page, 'link');
  const link = await page.locator('a.secret').getAttribute('href');
  assert.ok((await page.locator('pre').innerText()).includes(`"${link}?direct"\nmsiexec /i "Probe-Agent.msi" /quiet`));
  await picture(page, 'link');
  const installer = await fetch(`${link}?direct`, { headers: { accept: '*/*' } });
  assert.equal(installer.status, 200);
  assert.equal(Number(installer.headers.get('content-length')), (await installer.arrayBuffer()).byteLength);

  await page.getByRole('link', { name: 'Enrollment tokens' }).click();
  await page.getByLabel('Tenant').fill('globex');
  await page.getByLabel('Devices (empty: any number)').fill('3');
  await page.getByRole('button', { name: 'Generate' }).click();
  const token = await page.locator('pre .secret').innerText();
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  await judged(page, 'tokens');
  await picture(page, 'tokens');
  await page.goto(`${address}/tokens`);
  assert.ok(!(await page.content()).includes(token), 'a token is shown once');
  await page.getByRole('row', { name: /globex/ }).getByRole('button', { name: /^Revoke/ }).click();
  await page.getByRole('row', { name: /globex.*revoked/ }).waitFor();
  await page.getByRole('row', { name: /acme.*of 25/ }).getByRole('link').click();
  await page.getByRole('row', { name: /Probe-Agent\.msi.*acme.*done/ }).waitFor();
  await judged(page, 'ledger');
  await picture(page, 'ledger');
  await page.getByRole('link', { name: 'Bases' }).click();
  await page.getByRole('row', { name: /Probe-Agent\.deb/ }).waitFor();
  await judged(page, 'bases');

  await devices(page);

  await refused(context, page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(`${address}/tokens`);
  assert.equal(new URL(page.url()).pathname, '/', 'who has signed out is out');
  await context.close();
}

/** The list, the question whether a device is known, and lists of serial numbers. */
async function devices(page) {
  await page.getByRole('link', { name: 'Devices', exact: true }).click();
  await page.getByRole('heading', { name: 'Devices' }).waitFor();
  await page.getByRole('row', { name: /front-desk.*Enrolled/ }).waitFor();
  await page.getByRole('heading', { name: 'Is this a device that is known already?' }).waitFor();
  await judged(page, 'enrolled');
  await picture(page, 'enrolled');
  await page.getByRole('link', { name: 'Pre-enroll devices' }).click();
  await judged(page, 'pre-enroll');
  await page.getByLabel('Tenant').fill('acme');
  const head = 'name,email,mobile,ownership,devicename,SerialNumber,platform\n';
  const csv = rows => ({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(head + rows) });
  await page.getByLabel('CSV file').setInputFiles(csv('Anna,,,corporate,LAP,C02X0001,apple\nBob,,,stolen,LAP,PF2WXYZ,windows\n'));
  page.removeAllListeners('console');
  await page.getByRole('button', { name: 'Upload the list' }).click();
  await page.getByText('Line 3: ownership must be').waitFor();
  await judged(page, 'pre-enroll, refused');
  await page.getByLabel('Tenant').fill('acme');
  await page.getByLabel('CSV file').setInputFiles(csv('Anna,,,corporate,LAP,C02X0001,apple\n'));
  await page.getByRole('button', { name: 'Upload the list' }).click();
  await page.getByText('1 devices are on the list').waitFor();
  await judged(page, 'pre-enroll, taken');
}

/** Forms of other sites, and forms without the session's value. */
async function refused(context, page) {
  await page.goto(`${address}/tokens`);
  const form = { tenant: 'evil', product: 'Probe Agent', days: '30' };
  const value = await page.locator('input[name=form]').first().getAttribute('value');
  for (const [data, headers] of [
    [{ ...form, form: value }, { origin: 'https://evil.example' }],
    [{ ...form, form: value }, { 'sec-fetch-site': 'cross-site' }],
    [{ ...form, form: 'x' }, {}],
    [{ ...form, form: value.slice(1) }, {}],
  ]) {
    const answer = await context.request.post(`${address}/tokens`, { form: data, headers });
    assert.equal(answer.status(), 403);
  }
  await page.goto(`${address}/tokens`);
  assert.ok(!(await page.content()).includes('evil'));
  const policy = (await context.request.get(`${address}/devices`)).headers()['content-security-policy'];
  assert.ok(policy.startsWith("default-src 'none';") && !policy.includes('unsafe'), policy);
}

/** The same work in a browser that runs no script, by keyboard and labels. axe is a script, so it does not judge here. */
async function withoutScripts() {
  const { context, page } = await person({ javaScriptEnabled: false });
  await signIn(page, key);
  await page.getByLabel('Tenant').fill('initech');
  await page.getByRole('button', { name: 'Create link' }).click();
  const link = await page.locator('a.secret').getAttribute('href');
  await page.goto(link);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download installer' }).click()]);
  assert.match(download.suggestedFilename(), /^Probe-Agent\./);
  await page.goto(`${address}/devices`);
  await page.getByLabel('Tenant').fill('initech');
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the file' }).click()]);
  assert.match(file.suggestedFilename(), /^Probe-Agent\./);
  await page.getByRole('link', { name: 'Enrollment tokens' }).click();
  await page.getByRole('row', { name: /initech/ }).first().getByRole('button', { name: /^Revoke/ }).click();
  await page.getByRole('row', { name: /initech.*revoked/ }).waitFor();
  await page.getByRole('link', { name: 'Ledger' }).click();
  assert.equal(await page.getByRole('row', { name: /initech/ }).count(), 2);
  await page.goto(`${address}/enrolled`);
  await page.getByRole('button', { name: 'Re-Associate' }).click();
  await page.getByRole('heading', { name: 'Devices' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Re-Associate' }).count(), 0);
  await page.getByRole('button', { name: /^Retire/ }).first().click();
  await page.getByRole('row', { name: /Retired/ }).getByRole('button', { name: /^Delete/ }).click();
  await page.getByText('No such device.').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await context.close();
}

try {
  await fleet();
  await withScripts();
  await withoutScripts();
  console.log('the page: signed in, added devices, minted, revoked, with scripts and without; axe has nothing to say');
} catch (error) {
  // A key or a link may stand in what the library quotes.
  console.error(String(error.stack ?? error).replaceAll(key, 'KEY').replace(/\/d\/[\w-]{43}/g, '/d/SECRET'));
  process.exitCode = 1;
} finally {
  await browser.close();
}
